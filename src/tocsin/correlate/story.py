"""An incident told in plain sentences, from templates of our own and facts only. Times are UTC."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from tocsin.correlate.dossier import Dossier, Step
from tocsin.model.findings import Entity
from tocsin.model.incidents import Incident, Moment

MAX_TOLD = 12
"""Steps that the story tells; the timeline has more."""

_SCENE = 60_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def in_order(dossier: Dossier) -> list[Step]:
    """The steps in order of time."""
    return sorted(dossier.steps.values(), key=_order)


def timeline(steps: Sequence[Step]) -> tuple[Moment, ...]:
    """A line for each step; repeats are one line with a count."""
    return tuple(
        Moment(step.first, step.title, step.level, step.host, _who_and_what(step), step.count)
        for step in steps
    )


def worst(steps: Sequence[Step]) -> Step:
    """The step of the highest level, the first of them; `steps` are in order of time."""
    return max(steps, key=lambda step: step.level.rank)


def title(steps: Sequence[Step]) -> str:
    """The worst finding and its host, and how many other rules spoke."""
    chosen = worst(steps)
    others = _rules(steps) - 1
    where = f" on {chosen.host}" if chosen.host else ""
    return chosen.title + where + (f" and {others} more" if others else "")


def story(dossier: Dossier, steps: Sequence[Step]) -> str:
    """The whole incident in a few sentences: who, where, what first, what then, how far."""
    told = _told(steps)
    sentences = [_opening(dossier, steps), *_sequence(told)]
    left = len(steps) - len(told)
    if left:
        sentences.append(f"{_plural(left, 'more step')} can be read in the timeline.")
    sentences.append(_closing(dossier, steps))
    return " ".join(sentence for sentence in sentences if sentence)


def rank(incident: Incident) -> tuple[int, int, int, int, str]:
    """What to look at first, the greatest comes first: `sorted(..., key=rank, reverse=True)`.

    The worse level, then more distinct tactics (techniques where a rule names none), then more
    distinct rules, then the more recent activity; the id makes the order total.
    """
    breadth = len(incident.tactics) or min(len(incident.techniques), 1)
    return (
        incident.level.rank,
        breadth,
        len(incident.rules),
        incident.last,
        incident.incident_id,
    )


def _order(step: Step) -> tuple[int, str, str]:
    return (step.first, step.rule_id, step.finding_ids[0][1])


def _told(steps: Sequence[Step]) -> list[Step]:
    """The worst steps, in order of time; the first one always."""
    if len(steps) <= MAX_TOLD:
        return list(steps)
    worst = sorted(range(1, len(steps)), key=lambda n: (-steps[n].level.rank, n))[: MAX_TOLD - 1]
    return [steps[0], *(steps[n] for n in sorted(worst))]


def _opening(dossier: Dossier, steps: Sequence[Step]) -> str:
    hosts = _distinct(step.host for step in steps)
    users = _distinct(step.user for step in steps)
    where = f"On {_listed(hosts)}" if hosts else "On hosts that the logs do not name"
    who = f", involving {_listed(users)}," if users else ""
    what = f"{_plural(dossier.count, 'finding')} of {_plural(_rules(steps), 'rule')}"
    if dossier.last // 1_000_000 == dossier.first // 1_000_000:
        return f"{where}{who} {what} at {_stamp(dossier.first)}."
    span = f"between {_stamp(dossier.first)} and {_stamp(dossier.last)}"
    return f"{where}{who} {what} {span}."


def _scenes(steps: Sequence[Step]) -> list[list[Step]]:
    """Consecutive steps of one actor on one host within a minute: one sentence each."""
    scenes: list[list[Step]] = []
    for step in steps:
        last = scenes[-1][-1] if scenes else None
        same = last is not None and (last.host, _actor(last)) == (step.host, _actor(step))
        if last is not None and same and step.first - last.first < _SCENE:
            scenes[-1].append(step)
        else:
            scenes.append([step])
    return scenes


def _sequence(steps: Sequence[Step]) -> list[str]:
    sentences: list[str] = []
    before: Step | None = None
    for scene in _scenes(steps):
        sentences.append(_sentence(scene, before))
        before = scene[-1]
    return sentences


def _sentence(scene: Sequence[Step], before: Step | None) -> str:
    """When, where, who and with which words; then what the rules say of it."""
    first = scene[0]
    when = _later(first.first - before.first) if before else f"At {_clock(first.first)} UTC"
    host = f" on {first.host}" if first.host and (not before or first.host != before.host) else ""
    who = f", {actor}" if (actor := _actor(first)) else ""
    detail = worst(scene).detail
    quoted = f", “{detail}”" if detail else ""
    ordered = sorted(scene, key=lambda step: -step.level.rank)
    titles = [_times(step) for step in ordered]
    return f"{when}{host}{who}{quoted}: {_listed(titles, 3)}."


def _times(step: Step) -> str:
    return f"{step.title} ({step.count:,} times)" if step.count > 1 else step.title


def _actor(step: Step) -> str:
    who = step.user.rsplit("\\", 1)[-1]
    if who and step.program:
        return f"{who}'s {step.program}"
    return who or step.program


def _who_and_what(step: Step) -> str:
    return ": ".join(part for part in (_actor(step), step.detail) if part)


def _closing(dossier: Dossier, steps: Sequence[Step]) -> str:
    tactics = _distinct(tactic for step in steps for tactic in step.tactics)
    techniques = _distinct(technique for step in steps for technique in step.techniques)
    parts = []
    if tactics:
        parts.append(f"Tactics in order: {', '.join(tactics)}.")
    if techniques:
        parts.append(f"Techniques: {', '.join(techniques)}.")
    outside = _sources(dossier.entities.values())
    if outside:
        parts.append(f"Addresses: {_listed(outside)}.")
    return " ".join(parts)


def _sources(entities: Iterable[Entity]) -> list[str]:
    return sorted({e.name for e in entities if e.kind == "address"})


def _rules(steps: Sequence[Step]) -> int:
    return len({step.rule_id for step in steps})


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name for name in names if name))


def _listed(names: Sequence[str], most: int = 5) -> str:
    shown = list(names[:most])
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _later(delta: int) -> str:
    seconds = delta // 1_000_000
    if seconds < 1:
        return "At the same time"
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size:
            return f"{_plural(seconds // size, unit)} later"
    raise AssertionError(seconds)


def _moment(time: int) -> datetime | None:
    try:
        return _EPOCH + timedelta(microseconds=time)
    except OverflowError:
        return None


def _stamp(time: int) -> str:
    moment = _moment(time)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "a time that no calendar has"


def _clock(time: int) -> str:
    moment = _moment(time)
    return f"{moment:%H:%M:%S}" if moment else "an unknown time"
