"""A view as HTML: one file, without scripts, that asks nothing of any other place.

- Every value is escaped by the template engine; only our own style sheet is not: it is constant.
- The policy in the page forbids scripts, frames, forms and every address. The style sheet is
  allowed by its digest, so that no other style takes effect either.
"""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path

from django.template import Context, Engine, Template
from django.utils.safestring import mark_safe

from tocsin.app.report.view import LEVELS, Page

_FOLDER = Path(__file__).parent / "templates"
MISSING = "(not in the view)"
"""Shown where a template names what no view has; a test refuses it."""


def render(page: Page) -> bytes:
    """The page in UTF-8."""
    style = stylesheet()
    values = {
        "page": page,
        "levels": LEVELS,
        "policy": policy(style),
        "style": mark_safe(style),  # noqa: S308  # constant, and allowed by its digest alone
    }
    text: str = _template().render(Context(values, use_l10n=False, use_tz=False))
    return text.encode("utf-8", "backslashreplace")


def policy(style: str) -> str:
    """The content security policy of a page with this style sheet."""
    digest = b64encode(sha256(style.encode()).digest()).decode()
    parts = ("default-src 'none'", f"style-src 'sha256-{digest}'", "img-src data:")
    return "; ".join((*parts, "base-uri 'none'", "form-action 'none'"))


@cache
def stylesheet() -> str:
    """The one style sheet, for screens (light and dark) and paper."""
    return (_FOLDER / "style.css").read_text(encoding="utf-8")


@cache
def _template() -> Template:
    engine = Engine(dirs=[str(_FOLDER)], autoescape=True, string_if_invalid=MISSING)
    return engine.get_template("report.html")
