"""Find content: what ships with Tocsin, overlaid by what the site keeps in its own folder."""

from tocsin.content.overlay import load
from tocsin.content.site import init_site, strays

__all__ = ["init_site", "load", "strays"]
