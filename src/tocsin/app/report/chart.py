"""The picture of a hunt in time: a lane for each host, a mark for what was found when."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import log10

from tocsin.app.report import words
from tocsin.app.report.episodes import Axis, Span, ticks
from tocsin.model.findings import Finding, Level

WIDTH = 1080
LEFT, RIGHT = 168.0, 1062.0
TOP, LANE, FOOT = 20.0, 30.0, 46.0
BIN = 12.0
"""Findings of one host within so many units of width are one mark."""
MAX_LANES = 12
_LABEL = 22
_ADDRESS = re.compile(r"[0-9.:a-fA-F]*[.:][0-9.:a-fA-F]*")
OTHERS = "other hosts"
NO_HOST = "no host named"


@dataclass(frozen=True, slots=True)
class Mark:
    """Findings of one host at about one time; `path` draws the shape of their worst level."""

    level: str
    path: str
    title: str


@dataclass(frozen=True, slots=True)
class Lane:
    """A host and its marks; `counts` are its findings by level for those who read a table."""

    label: str
    name: str
    y: float
    marks: tuple[Mark, ...]
    total: int
    counts: tuple[tuple[str, int], ...]
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across all lanes with words below it."""

    x: float
    above: str
    below: str
    strong: bool


@dataclass(frozen=True, slots=True)
class Band:
    """Where a stretch of activity lies."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Silence:
    """A stretch without findings that was taken out of the axis."""

    x: float
    length: str


@dataclass(frozen=True, slots=True)
class Key:
    """A line of the legend."""

    level: str
    path: str


@dataclass(frozen=True, slots=True)
class Chart:
    """All of it, in units of the picture."""

    width: int
    height: float
    bottom: float
    depth: float
    left: float
    lanes: tuple[Lane, ...]
    top: float
    bands: tuple[Band, ...]
    ticks: tuple[Tick, ...]
    silences: tuple[Silence, ...]
    keys: tuple[Key, ...]
    caption: str


def draw(findings: Sequence[Finding], host_of: Callable[[Finding], str]) -> Chart | None:
    """The chart of these findings; None where there are none."""
    if not findings:
        return None
    axis = Axis([finding.time for finding in findings], LEFT, RIGHT)
    groups = _groups(findings, host_of)
    labels = _labels([name for name, _ in groups])
    lanes = tuple(
        _lane((name, label), group, axis, TOP + LANE * (number + 0.5))
        for number, ((name, group), label) in enumerate(zip(groups, labels, strict=True))
    )
    bottom = TOP + LANE * len(lanes)
    silences = tuple(Silence(round(x, 1), words.lasting(length)) for x, length in axis.silences())
    used = {finding.level for finding in findings}
    keys = tuple(Key(lv.value, shape(lv, 8, 8, 5.5)) for lv in reversed(Level) if lv in used)
    return Chart(
        WIDTH,
        bottom + FOOT,
        bottom,
        bottom - TOP,
        LEFT,
        lanes,
        TOP,
        tuple(Band(round(span.x0, 1), round(span.x1 - span.x0, 1)) for span in axis.spans),
        tuple(_ticks(axis.spans)),
        silences,
        keys,
        _caption(findings, silences),
    )


def shape(level: Level, x: float, y: float, r: float) -> str:
    """The outline of a level's mark: its form alone tells the level."""
    if level is Level.CRITICAL:
        r *= 1.25
        return f"M{x:.1f} {y - r:.1f}L{x + r:.1f} {y:.1f}L{x:.1f} {y + r:.1f}L{x - r:.1f} {y:.1f}Z"
    if level is Level.HIGH:
        r *= 1.15
        half, down = r * 0.95, r * 0.75
        return f"M{x:.1f} {y - r:.1f}L{x + half:.1f} {y + down:.1f}L{x - half:.1f} {y + down:.1f}Z"
    if level is Level.MEDIUM:
        r *= 0.85
        return f"M{x - r:.1f} {y - r:.1f}h{2 * r:.1f}v{2 * r:.1f}h{-2 * r:.1f}Z"
    r *= 0.85 if level is Level.LOW else 0.5
    arc = f"a{r:.1f} {r:.1f} 0 1 0"
    return f"M{x - r:.1f} {y:.1f}{arc} {2 * r:.1f} 0{arc} {-2 * r:.1f} 0Z"


def _groups(
    findings: Iterable[Finding], host_of: Callable[[Finding], str]
) -> list[tuple[str, list[Finding]]]:
    """Hosts with their findings, the worst first; what is beyond the lanes is one group."""
    by_host: dict[str, list[Finding]] = {}
    for finding in findings:
        by_host.setdefault(host_of(finding) or NO_HOST, []).append(finding)
    ranked = sorted(by_host.items(), key=lambda item: _weight(item[1]), reverse=True)
    if len(ranked) <= MAX_LANES:
        return ranked
    kept, rest = ranked[: MAX_LANES - 1], ranked[MAX_LANES - 1 :]
    others = [finding for _, group in rest for finding in group]
    return [*kept, (f"{len(rest):,} {OTHERS}", others)]


def _weight(group: Sequence[Finding]) -> tuple[int, int]:
    worst = max(finding.level.rank for finding in group)
    return worst, sum(1 for finding in group if finding.level.rank == worst)


def _labels(names: Sequence[str]) -> list[str]:
    """Host names without their domain where they stay apart; addresses stay whole."""
    short = [name if _ADDRESS.fullmatch(name) else name.partition(".")[0] for name in names]
    counts = Counter(one.lower() for one in short)
    return [
        one if one and counts[one.lower()] == 1 else name
        for one, name in zip(short, names, strict=True)
    ]


def _lane(names: tuple[str, str], group: Sequence[Finding], axis: Axis, y: float) -> Lane:
    """One lane; `names` are the whole name of the host and the one that is drawn."""
    name, label = names
    bins: dict[int, list[Finding]] = {}
    for finding in group:
        bins.setdefault(int(axis.place(finding.time) // BIN), []).append(finding)
    counts = Counter(finding.level for finding in group)
    times = [finding.time for finding in group]
    return Lane(
        words.text(label, _LABEL),
        words.text(name, 120),
        y,
        tuple(_mark(bins[number], number, y) for number in sorted(bins)),
        len(group),
        tuple((level.value, counts[level]) for level in reversed(Level)),
        words.stamp(min(times)),
        words.stamp(max(times)),
    )


def _mark(group: Sequence[Finding], number: int, y: float) -> Mark:
    worst = max((finding.level for finding in group), key=lambda level: level.rank)
    times = [finding.time for finding in group]
    title = (
        f"{words.between(min(times), max(times))} UTC: "
        f"{words.plural(len(group), 'finding')}, worst {worst.value}"
    )
    r = min(9.0, 4.2 + 1.9 * log10(len(group)))
    return Mark(worst.value, shape(worst, (number + 0.5) * BIN, y, r), title)


def _ticks(spans: Iterable[Span]) -> Iterable[Tick]:
    for span in spans:
        lasting = f" + {words.lasting(span.last - span.first)}" if span.last > span.first else ""
        yield Tick(
            round(span.x0, 1),
            words.day(span.first),
            f"{words.clock(span.first)}{lasting}",
            strong=True,
        )
        for x, time in ticks(span):
            if x - span.x0 > 120 and span.x1 - x > -1:  # noqa: PLR2004  # room for the first label
                whole = time % 86_400_000_000 == 0
                label = words.day(time) if whole else words.clock(time)
                yield Tick(round(x, 1), label, "", strong=False)


def _caption(findings: Sequence[Finding], silences: Sequence[Silence]) -> str:
    times = [finding.time for finding in findings]
    told = f"{words.plural(len(findings), 'finding')}, {words.between(min(times), max(times))} UTC"
    left_out = f"; {words.plural(len(silences), 'silence')} taken out" if silences else ""
    return f"{told}{left_out}. The width of a span grows with the square root of its length."
