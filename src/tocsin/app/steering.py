"""What a person points at when steering incidents: the casebook, findings, entities."""

from collections.abc import Sequence
from pathlib import Path

from tocsin.app import overview
from tocsin.app import site as sites
from tocsin.errors import UsageError
from tocsin.model.findings import Finding
from tocsin.store.casebook import Casebook

Book = Casebook
"""Where incidents and what people decide about them are kept."""


def open_book(site: Path | None, reason: str) -> Book:
    """The casebook of a site to write a decision in; UsageError when no reason is given."""
    if not reason.strip():
        raise UsageError("--reason must not be empty")
    return overview.casebook(sites.required_site(site), writing=True)


def named(whole: Sequence[Finding], beginning: str) -> str:
    """The one finding whose id begins so; UsageError when there is none or more."""
    found = [one.finding_id for one in whole if beginning and one.finding_id.startswith(beginning)]
    if len(found) != 1:
        what = "several findings of this incident begin" if found else "no finding here begins"
        raise UsageError(f"{what} with {beginning or 'nothing'}")
    return found[0]


def about(whole: Sequence[Finding], text: str) -> set[str]:
    """The findings about an entity, named as `kind=name` or `kind=key`; UsageError if none."""
    kind, _, name = text.partition("=")
    wanted = name.lower()
    found = {
        one.finding_id
        for one in whole
        for entity in one.entities
        if entity.kind == kind and wanted in (entity.key.lower(), entity.name.lower())
    }
    if not found:
        raise UsageError(f"no finding of this incident is about {text}: name it as kind=name")
    return found
