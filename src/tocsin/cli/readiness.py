"""`tocsin readiness`: what is missing before telemetry may be used, and overrides."""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import orjson
from cyclopts import App

from tocsin.app import content as contents
from tocsin.app import fitness
from tocsin.app import site as sites
from tocsin.app.clock import SystemClock
from tocsin.app.fitness import Standing
from tocsin.cli.arguments import Flag, Json
from tocsin.cli.screen import Screen
from tocsin.cli.tell import JSON_OPTIONS, plural, utc
from tocsin.errors import UsageError
from tocsin.model.readiness import USE_TITLES, Gap, GapKey, Override, SourceReadiness, Use

DAY, HOUR, MINUTE = 86_400_000_000, 3_600_000_000, 60_000_000
WINDOW, HISTORY = 90, "history"
SHOWN = 12
"""Gaps of a source that are told without --all."""

SHORT_USES = {Use.DETECTION: "detection", Use.TRAINING: "training", Use.AUTONOMY: "autonomy"}

readiness = App(name="readiness", help="Say what is missing before telemetry may be used.")


@readiness.default
def show(
    source: str = "",
    *,
    site: Path | None = None,
    every: Flag = False,
    json: Json = False,
) -> int:
    """Say of every source what it is fit for, for how long, and what is missing.

    1 is returned while any source is not fit for autonomous action.

    Parameters
    ----------
    source
        Only this source, with everything that there is to say about it.
    site
        Site folder; without it the one found here.
    every
        Tell all gaps of all sources: also that history is not complete yet.
    json
        Print JSON.
    """
    now = SystemClock().now()
    where = sites.required_site(site)
    found = fitness.standings(where, now)
    if source:
        found = [one for one in found if one.source_id == source]
        if not found:
            raise UsageError(f"nothing was issued about {source}: has anything come from it?")
    if json:
        body = [_plain(one) for one in found]
        sys.stdout.buffer.write(orjson.dumps(body, option=JSON_OPTIONS))
    else:
        _show(found, now, whole=bool(every or source))
        if not source:
            _tell_alerts(Screen(), *fitness.only_alerts(where, found))
    return 0 if found and all(o.passes for o in found if o.use is Use.AUTONOMY) else 1


@readiness.command
def override(
    source: str,
    *,
    use: Use,
    reason: str,
    until: str,
    site: Path | None = None,
    end: Flag = False,
) -> int:
    """Take it upon yourself that a source is used in spite of its gaps, for a reason and a time.

    It covers the gaps that are in force now, and no others: what breaks later stays refused. It
    stands in the journal under your name. The gaps stay visible.

    Parameters
    ----------
    source
        Id of the source.
    use
        What for.
    reason
        Why, for whoever looks at it next.
    until
        When it ends: a day (2026-12-24), a time, or a length such as 12h or 7d; 90 days at most.
    site
        Site folder; without it the one found here.
    end
        End it now instead.
    """
    place = sites.required_site(site)
    now, person, screen = SystemClock().now(), contents.person(), Screen()
    if end:
        n = fitness.end_override(place, source, use, person, reason, now)
        screen.line(f"{plural(n, 'override')} ended")
        return 0 if n else 1
    word = Override(source, use, person, reason, now, until_of(until, now))
    word = fitness.override(place, word)
    screen.line(
        f"{source} may be used for {USE_TITLES[use]} until {utc(word.until)}, by {person}: {reason}"
    )
    screen.line(f"It covers {plural(len(word.covers), 'gap')}, and nothing that comes later:")
    for key in word.covers:
        screen.line(f"  {_named(key)}")
    return 0


def until_of(text: str, now: int) -> int:
    """A time (us UTC) from a day, an ISO time, or a length from now; raises UsageError."""
    length = re.fullmatch(r"(\d{1,4})([hd])", text)
    if length:
        return now + int(length[1]) * (HOUR if length[2] == "h" else DAY)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--until {text}: a day (2026-12-24), a time, 12h or 7d") from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1_000_000)


def _show(found: list[Standing], now: int, *, whole: bool) -> None:
    screen = Screen()
    if not found:
        screen.line("nothing was measured yet: run `tocsin up` and let records come")
        return
    by_source: dict[str, list[Standing]] = {}
    for one in found:
        by_source.setdefault(one.source_id, []).append(one)
    screen.table(
        ["source", *SHORT_USES.values(), "fit since", "days", "90 days"],
        [_row(name, mine, now) for name, mine in by_source.items()],
        right=frozenset({"days"}),
    )
    for name, mine in by_source.items():
        _gaps(screen, name, mine, now, whole=whole)
    if not whole:
        _waiting(screen, by_source)
    _sum(screen, by_source)


def _row(name: str, mine: list[Standing], now: int) -> list[str]:
    cells = [_word(one) for one in mine]
    cells += ["-"] * (len(SHORT_USES) - len(cells))
    last = mine[-1].readiness
    since = min((o.readiness.fit_since for o in mine if _fit(o) and o.readiness), default=0)
    full = "unknown"
    if last is not None:
        full = utc(last.complete_at)[:10] if last.complete_at else "complete"
    days = str(last.history_days) if last else "-"
    return [name, *cells, f"{_age(now - since)} ago" if since else "-", days, full]


def _word(one: Standing) -> str:
    if not one.valid or one.readiness is None:
        return "expired"
    if one.readiness.is_fit:
        return "fit"
    return "override" if one.passes else plural(len(one.left), "gap")


def _fit(one: Standing) -> bool:
    return one.valid and one.readiness is not None and one.readiness.is_fit


def _named(key: GapKey) -> str:
    measure, scope = key
    return f"{measure} ({scope.text})"


def _gaps(screen: Screen, name: str, mine: list[Standing], now: int, *, whole: bool) -> None:
    """The gaps of a source, each once, with the uses that it stands in the way of."""
    uses: dict[tuple[str, object], list[str]] = {}
    gaps: dict[tuple[str, object], Gap] = {}
    for one in mine:
        for gap in one.readiness.gaps if one.readiness else ():
            if gap.measure == HISTORY and not whole:
                continue
            gaps[gap.key] = gap
            uses.setdefault(gap.key, []).append(SHORT_USES[one.use])
    most = len(gaps) if whole else SHOWN
    notes = next((one.readiness.notes for one in mine if one.readiness and whole), ())
    words = [word for one in mine for word in one.overrides]
    if not (gaps or notes or words):
        return
    screen.line()
    screen.line(name, style="bold")
    for key, gap in list(gaps.items())[:most]:
        since = f"for {_age(now - gap.since)}" if gap.since else "always"
        screen.paragraph(f"{gap.measure} ({gap.scope.text}), {since}: {gap.cause}", indent="  ")
        owner = gap.owner or "nobody is named"
        may = "must" if gap.measure == HISTORY else "may"
        limit = f"{_number(gap.value, gap.unit_of)}, {may} be {_number(gap.threshold, gap.unit_of)}"
        screen.paragraph(
            f"not for {', '.join(uses[key])}. Measured {limit}. Owner: {owner}. Fix: {gap.fix}",
            indent="    ",
        )
    if len(gaps) > most:
        screen.line(f"  ... and {len(gaps) - most} more gaps (--every)")
    for word in words:
        screen.paragraph(
            f"override for {SHORT_USES[word.use]} by {word.person} until {utc(word.until)}: "
            f"{word.reason}. Covers {', '.join(map(_named, word.covers)) or 'nothing'}",
            indent="  ",
        )
    for note in notes:
        screen.paragraph(f"note: {note}", indent="  ")


def _waiting(screen: Screen, by_source: dict[str, list[Standing]]) -> None:
    """What holds for many sources alike, in one line: that their history is short."""
    short = [
        name
        for name, mine in by_source.items()
        if any(gap.measure == HISTORY for o in mine if o.readiness for gap in o.readiness.gaps)
    ]
    if short:
        screen.line()
        screen.paragraph(
            f"history: {plural(len(short), 'source')} must show more good days of the last {WINDOW}"
            " before profiles are learned and automation acts; the table says when they have them"
            " if nothing breaks, and `tocsin backfill` brings in older records",
            indent="",
        )


def _sum(screen: Screen, by_source: dict[str, list[Standing]]) -> None:
    missing = [
        name
        for name, mine in by_source.items()
        if not all(one.passes for one in mine if one.use is Use.AUTONOMY)
    ]
    screen.line()
    if missing:
        screen.line(
            f"Automation must stay off for {len(missing)} of {plural(len(by_source), 'source')}: "
            f"{', '.join(missing)}"
        )
    else:
        screen.line("Nothing is missing: every source is fit for autonomous action")


def _tell_alerts(screen: Screen, alerts: frozenset[str], nothing_else: bool) -> None:  # noqa: FBT001 - two plain truths
    """What cannot be judged without raw events."""
    if not alerts:
        return
    names = ", ".join(sorted(alerts))
    where = "here" if nothing_else else "of these alone"
    screen.paragraph(
        f"Alerts of other tools only: {names}. Without raw events nobody can judge {where} who "
        "else was concerned, what went before, whether the tool's rule was right, and what is "
        "usual for a person or a host.",
        indent="",
    )


def _age(micros: int) -> str:
    for name, size in (("days", DAY), ("hours", HOUR), ("minutes", MINUTE)):
        if micros >= 2 * size:
            return f"{micros // size} {name}"
    return "a moment"


def _number(value: float, unit: str) -> str:
    if unit == "share":
        return f"{value:.0%}"
    if unit == "days":
        return f"{value:.0f} days"
    return f"{value:,.0f} s" if unit == "s" else f"{value:g} {unit}".strip()


def _plain(one: Standing) -> dict[str, object]:
    shown: SourceReadiness | None = one.readiness
    return {
        "source": one.source_id,
        "use": one.use.value,
        "valid": one.valid,
        "fit": _fit(one),
        "passes": one.passes,
        "overrides": msgspec.to_builtins(one.overrides),
        "readiness": msgspec.to_builtins(shown) if shown else None,
    }
