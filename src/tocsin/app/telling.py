"""Telling incidents to whoever watches the terminal of `tocsin up`."""

import sys
import textwrap
from collections.abc import Iterable
from datetime import UTC, datetime

from tocsin.app import metrics
from tocsin.model.findings import Level
from tocsin.model.incidents import Incident
from tocsin.model.text import visible

TOLD_FROM = Level.MEDIUM
"""The level from which a new incident is told."""

STORY = 600
"""Characters of an incident's story that are told; `tocsin incidents ID` has all of it."""

MOST_REMEMBERED = 20_000


class Teller:
    """Says when an incident opens, gets worse, or turns out to be part of another."""

    def __init__(self, known: Iterable[Incident]) -> None:
        """`known` incidents were told before this process began."""
        self._told = {incident.incident_id: incident.level for incident in known}

    def tell(self, incidents: Iterable[Incident], joined: Iterable[tuple[str, str]]) -> None:
        """Say what is news; `joined` are (id, id of the older incident that it is part of)."""
        for incident in incidents:
            known = self._told.get(incident.incident_id)
            if incident.level.rank < TOLD_FROM.rank or known == incident.level:
                continue
            self._told[incident.incident_id] = incident.level
            metrics.incidents.inc(known is None)
            _say(_news(incident, "new" if known is None else "worse"))
        for incident_id, older in joined:
            if self._told.pop(incident_id, None) is not None and older in self._told:
                _say([f"incident {incident_id[:12]} is part of {older[:12]}"])
        for oldest in list(self._told)[: len(self._told) - MOST_REMEMBERED]:
            del self._told[oldest]


def _news(incident: Incident, what: str) -> list[str]:
    at = datetime.fromtimestamp(incident.first / 1_000_000, UTC).strftime("%H:%M:%SZ")
    head = f"{what} incident {incident.incident_id[:12]}  {incident.level.value}"
    tactics = ", ".join(incident.tactics) or "none named"
    lines = [f"{head}  {visible(incident.title)}"]
    lines += [f"  since {at}, findings: {incident.finding_count}, tactics: {tactics}"]
    return lines + textwrap.wrap(
        visible(incident.story, STORY), 96, initial_indent="  ", subsequent_indent="  "
    )


def _say(lines: list[str]) -> None:
    sys.stdout.write("\n".join(lines) + "\n\n")
    sys.stdout.flush()
