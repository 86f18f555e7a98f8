"""Telemetry in counts: what `measure` would say of sources with a rhythm, without any records.

Weeks of 20 sources pass in minutes this way. The rows are those of `model.quality`; everything
after the measurement is the product's own code. What it leaves out is the measurement itself:
`lab.faults` puts real records through that.
"""

from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

import pyarrow as pa

from tocsin.lab.world import DAY, HOUR, MINUTE, SECOND
from tocsin.model.quality import (
    QUALITY,
    WHOLE,
    Counts,
    HostDelay,
    Measured,
    cell_key,
    measured_to_bytes,
)

_MONDAY = 3
"""1970-01-01 was a Thursday."""
_SATURDAY = 5
_BEGINS, _ENDS, _NIGHT = 7.0, 18.0, 2.0

Rate = Callable[[int, float, bool], float]
"""(weekday, hour of the day, a holiday) -> events an hour."""


class Stream(NamedTuple):
    """A source: how much it sends when, of which classes, and how evenly.

    `burst` is the variance of its rate from one quarter of an hour to the next, relative to the
    square of the mean.
    """

    source_id: str
    rate: Rate
    classes: tuple[str, ...] = ("authentication", "process_activity")
    burst: float = 0.2
    units: tuple[str, ...] = ("office", "plant")
    delay: float = 1.0


def steady(rate: float) -> Rate:
    """Machines that never sleep."""
    return lambda _weekday, _hour, _holiday: rate


def office(rate: float, night: float = 0.02) -> Rate:
    """People at work, and little at night, on weekends and on holidays."""

    def of(weekday: int, hour: float, holiday: bool) -> float:  # noqa: FBT001 - as `Rate` says
        if weekday >= _SATURDAY or holiday:
            return rate * night
        return rate if _BEGINS <= hour < _ENDS else rate * night

    return of


def nightly(rate: float) -> Rate:
    """A job at two in the morning, for an hour."""
    return lambda _weekday, hour, _holiday: rate if _NIGHT <= hour < _NIGHT + 1 else 0.0


def weekly(rate: float) -> Rate:
    """A job on Sundays at two in the morning."""
    job = nightly(rate)
    return lambda weekday, hour, holiday: job(weekday, hour, holiday) if weekday == 6 else 0.0  # noqa: PLR2004 - Sunday


def twenty(scale: float = 1.0) -> tuple[Stream, ...]:
    """20 sources as a company has them; `scale` thins them all."""
    made = [
        Stream("steady-fast", steady(6_000)), Stream("steady", steady(600)),
        Stream("steady-slow", steady(40)), Stream("bursty", steady(300), burst=2.0),
        Stream("rare", steady(2), burst=1.0), Stream("very-rare", steady(0.3)),
        Stream("office-fast", office(4_000)), Stream("office", office(400)),
        Stream("office-slow", office(30)), Stream("office-bursty", office(300), burst=2.0),
        Stream("office-only", office(200, 0.0)), Stream("nightly", nightly(900)),
        Stream("nightly-small", nightly(40)), Stream("weekly", weekly(900)),
        Stream("weekly-small", weekly(60)), Stream("cloud", office(200, 0.2), delay=240.0),
        Stream("cloud-late", steady(80), delay=1_200.0), Stream("proxy", office(3_000, 0.1)),
        Stream("mail", office(500, 0.3), classes=("email_activity",)),
        Stream("database", steady(1_500), classes=("datastore_activity", "authentication")),
    ]  # fmt: skip
    return tuple(one._replace(rate=_scaled(one.rate, scale)) for one in made)


def _scaled(rate: Rate, scale: float) -> Rate:
    return lambda weekday, hour, holiday: rate(weekday, hour, holiday) * scale


class Tick(NamedTuple):
    """What a source sent in one tick: its row of `QUALITY` and how many events it tells of."""

    at: int
    row: dict[str, object]
    events: int


Change = Callable[[int, Measured], Measured | None]
"""(when, what would be measured) -> what is measured; None when nothing comes."""


def ticks(  # noqa: PLR0913 - a stream, a stretch of time, and what differs in it
    stream: Stream,
    seed: int,
    start: int,
    end: int,
    *,
    every: int = 5 * MINUTE,
    holidays: frozenset[int] = frozenset(),
    change: Change | None = None,
) -> Iterator[Tick]:
    """The rows of a source between two times (us UTC), one per tick in which something came."""
    random = Random(f"{seed} {stream.source_id}")  # noqa: S311 - simulated
    mood = 1.0
    for at in range(start, end, every):
        day = at // DAY
        weekday, hour = (day + _MONDAY) % 7, at % DAY / HOUR
        shape = 1 / stream.burst
        mood = 0.5 * mood + 0.5 * random.gammavariate(shape, 1 / shape)
        mean = stream.rate(weekday, hour, day in holidays) * every / HOUR * mood
        n = _poisson(random, mean)
        if not n:
            continue
        measured: Measured | None = _measured(stream, random, at, every, n)
        if change is not None and measured is not None:
            measured = change(at, measured)
        if measured is None:
            continue
        last = max(measured.minutes) * MINUTE + 59 * SECOND
        row = {
            "source_id": stream.source_id, "partition": stream.source_id, "first": at // every,
            "last": at // every, "at": last, "history": False, "events": n,
            "body": measured_to_bytes(measured),
        }  # fmt: skip
        yield Tick(last, row, n)


def batch(made: list[Tick]) -> pa.RecordBatch:
    """Rows as `QUALITY`."""
    return pa.RecordBatch.from_pylist([one.row for one in made], schema=QUALITY)


def _poisson(random: Random, mean: float) -> int:
    if mean > 50:  # noqa: PLR2004 - from here on the normal law serves
        return max(0, round(random.gauss(mean, mean**0.5)))
    n, left = 0, random.expovariate(1.0)
    while left < mean:
        n += 1
        left += random.expovariate(1.0)
    return n


def _measured(stream: Stream, random: Random, at: int, every: int, n: int) -> Measured:
    whole: Counts = {"n": n, "sampled": n // 32}
    cells: dict[str, Counts] = {WHOLE: whole}
    places = [(name, unit) for name in stream.classes for unit in stream.units]
    weights = [random.gammavariate(8, 1) for _ in places]
    for (class_name, unit), k in zip(places, _shared(random, n, weights), strict=True):
        if k:
            cells[cell_key(class_name, unit)] = _cell(random, k)
    minutes: Counts = {}
    for _ in range(min(n, 200)):
        minute = at // MINUTE + random.randrange(every // MINUTE)
        minutes[str(minute)] = minutes.get(str(minute), 0) + 1
    late = _delay_bucket(stream.delay)
    whole[f"delay:{late}"] = n
    middle = stream.delay * random.uniform(0.8, 1.2)
    hosts = {"": HostDelay(n, middle, stream.delay)}
    keys = dict.fromkeys(("user", "host", "action"), n // 32)
    return Measured(cells, {int(name): k for name, k in minutes.items()}, hosts, keys)


def _cell(random: Random, k: int) -> Counts:
    """Attributes of events: a user in most of them, in one form in nearly all."""
    named = _binomial(random, k, random.betavariate(40, 4))
    machine = _binomial(random, named, random.betavariate(4, 60))
    stranger = _binomial(random, named, 0.03)
    return {
        "n": k, "user.name#": k, "user.name": named, "user.name~bare": named - machine,
        "user.name~words": machine, "device.hostname#": k, "device.hostname": k,
        "device.hostname~full": k, "status_id#": k, "status_id!": _binomial(random, k, 0.01),
        "@user#": named, "@user-elsewhere": stranger, "@host#": named,
    }  # fmt: skip


def _binomial(random: Random, n: int, p: float) -> int:
    if n > 60:  # noqa: PLR2004 - from here on the normal law serves
        return min(n, max(0, round(random.gauss(n * p, (n * p * (1 - p)) ** 0.5))))
    return sum(random.random() < p for _ in range(n))


def _shared(random: Random, n: int, weights: list[float]) -> list[int]:
    left, total, made = n, sum(weights), []
    for weight in weights[:-1]:
        k = _binomial(random, left, min(1.0, weight / total)) if left else 0
        made.append(k)
        left, total = left - k, total - weight
    return [*made, left]


def _delay_bucket(seconds: float) -> int:
    from tocsin.normalize.quality.measure import DELAYS  # noqa: PLC0415 - loads the normalizer

    return next((n for n, bound in enumerate(DELAYS) if seconds < bound), len(DELAYS))
