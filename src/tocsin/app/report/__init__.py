"""A hunt as one self-contained page: `page` renders what `view` has gathered and bounded.

What came out of logs reaches the page as text only: made visible, bounded, escaped by the template
engine, never in an address, a style or anything that runs. The page holds no script.
"""

from tocsin.app.report.page import render
from tocsin.app.report.view import About, view_of

__all__ = ["About", "render", "view_of"]
