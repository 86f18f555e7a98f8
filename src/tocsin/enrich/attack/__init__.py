"""ATT&CK: a STIX bundle in, a release out, and how labels stand towards it."""

from tocsin.enrich.attack.bundle import read_bundle
from tocsin.enrich.attack.crosswalk import read_crosswalk
from tocsin.enrich.attack.labels import Labels

__all__ = ["Labels", "read_bundle", "read_crosswalk"]
