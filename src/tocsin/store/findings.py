"""Stored findings by rule: what suppressing and ruling ask for."""

from collections.abc import Iterator
from typing import Any

import msgspec
from django.db.models import Max

from tocsin.errors import UsageError
from tocsin.model.findings import Finding, Standing
from tocsin.store.database import Database
from tocsin.store.state import models

_finding = msgspec.msgpack.Decoder(Finding).decode


class _Brief(msgspec.Struct):
    """The part of a finding's body that counting needs."""

    standing: Standing = Standing.OPEN
    exception: str = ""


_brief = msgspec.msgpack.Decoder(_Brief).decode


class RuleActivity(msgspec.Struct):
    """How often a rule spoke. `last` is microseconds UTC; `hidden` counts what exceptions hid."""

    findings: int = 0
    last: int = 0
    hidden: int = 0
    staged: int = 0


class StoredFindings:
    """Reads findings as they were stored."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_rule(self, rule_id: str, since: int, limit: int) -> Iterator[tuple[Finding, str | None]]:
        """The newest findings of a rule at or after `since` (us UTC), with their incident's id."""
        with self._database.reading():
            rows = self._rows().filter(rule_id=rule_id, time__gte=since)
            ordered = rows.order_by("-time", "finding_id").values_list("body", "incident_id")
            for body, incident_id in ordered[:limit].iterator(chunk_size=200):
                yield _finding(bytes(body)), incident_id

    def one(self, beginning: str) -> Finding:
        """The one finding whose id begins so; UsageError when there is none or more."""
        with self._database.reading():
            rows = self._rows().filter(finding_id__startswith=beginning)
            found = [bytes(body) for body in rows.values_list("body", flat=True)[:2]]
        if len(found) != 1 or not beginning:
            what = "several findings begin" if found else "no finding begins"
            raise UsageError(f"{what} with {beginning or 'nothing'}")
        return _finding(found[0])

    def activity(self, since: int) -> dict[str, RuleActivity]:
        """How often each rule spoke since then (us UTC); `last` is of all time."""
        found: dict[str, RuleActivity] = {}
        with self._database.reading():
            latest = self._rows().values_list("rule_id").annotate(last=Max("time"))
            for rule_id, last in latest:
                found[rule_id] = RuleActivity(last=last)
            recent = self._rows().filter(time__gte=since).values_list("rule_id", "body")
            for rule_id, body in recent.iterator(chunk_size=1_000):
                brief = _brief(bytes(body))
                one = found.setdefault(rule_id, RuleActivity())
                one.findings += 1
                one.hidden += brief.standing is Standing.HIDDEN
                one.staged += brief.standing is Standing.STAGED
        return found

    def _rows(self) -> Any:
        return models.Finding.objects.using(self._database.alias)
