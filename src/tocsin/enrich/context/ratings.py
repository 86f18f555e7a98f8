"""EPSS and KEV: how likely a CVE is to be exploited, and whether it is known to be.

EPSS is FIRST's table `cve,epss,percentile` under a comment line with its date; KEV is CISA's
catalog, JSON or CSV. Each release is one fact.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tocsin.enrich.context.rows import Reading
from tocsin.enrich.context.values import time_of
from tocsin.model.content import Problem
from tocsin.model.context import Rating, Ratings, Record, cves_in

MAX_RATINGS = 1_000_000

Row = tuple[int, Mapping[str, Any] | str]


def read_kev(where: str, rows: Iterable[Row]) -> Reading:
    """CISA's catalog from its rows (`cveID`, `dateAdded`, `knownRansomwareCampaignUse`)."""
    return _release("kev", where, rows, _kev)


def read_epss(where: str, rows: Iterable[Row]) -> Reading:
    """FIRST's scores from their rows (`cve`, `epss`, `percentile`)."""
    return _release("epss", where, rows, _epss)


def _kev(row: Mapping[str, Any]) -> Rating:
    cve = _cve(row.get("cveID"))
    added = time_of(str(row.get("dateAdded") or ""))
    ransomware = str(row.get("knownRansomwareCampaignUse") or "").strip().lower() == "known"
    return Rating(cve, exploited=added, ransomware=ransomware)


def _epss(row: Mapping[str, Any]) -> Rating:
    score, percentile = float(row.get("epss") or "x"), float(row.get("percentile") or "x")
    if not (0 <= score <= 1 and 0 <= percentile <= 1):
        raise ValueError("a score and a percentile lie between 0 and 1")
    return Rating(_cve(row.get("cve")), score, percentile)


def _cve(text: Any) -> str:
    found = cves_in(str(text or ""))
    if len(found) != 1:
        raise ValueError(f"{str(text)[:100]} is no CVE id")
    return found[0]


def _release(feed: str, where: str, rows: Iterable[Row], read: Any) -> Reading:
    problems: list[Problem] = []
    found = dict(_ratings(where, rows, read, problems))
    if len(found) > MAX_RATINGS:
        problems.append(Problem(where, f"more than {MAX_RATINGS:,} ratings", "error"))
        return Reading((), tuple(problems))
    if not found:
        return Reading((), tuple(problems))
    body = Ratings(feed, tuple(found[cve] for cve in sorted(found)))
    return Reading((Record(feed, body, where),), tuple(problems))


def _ratings(
    where: str, rows: Iterable[Row], read: Any, problems: list[Problem]
) -> Iterator[tuple[str, Rating]]:
    for line, row in rows:
        if isinstance(row, str):
            problems.append(Problem(f"{where}:{line}", row, "error"))
            continue
        try:
            rating = read(row)
        except ValueError as error:
            problems.append(Problem(f"{where}:{line}", str(error), "error"))
        else:
            yield rating.cve, rating
