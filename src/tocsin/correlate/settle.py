"""Decisions that need the whole picture, taken in order of event time once the watermark passed.

What joins only when few share it, and where a low finding belongs, depends on other findings.
Taken on arrival it would depend on the order of arrival; taken minute by minute, in event time,
when a minute can no longer change, it does not. A minute is *observed* when it is complete,
*decided* `settle` later, and its low findings stop waiting `low_window` later.

A finding later than the watermark opens its minute again. It joins what is remembered around its
own time: every distance is absolute, and what is newer stays remembered beside it.
"""

from collections.abc import Callable
from typing import TypeAlias

from tocsin.correlate.board import DAY, Board, Low, Mark, Minute, Ref, Seen
from tocsin.correlate.grouping import MINUTE, Grouping, near_window, progress, window_of

Join: TypeAlias = Callable[[Ref, Ref, str], None]
"""Makes one group of two: (the finding that joins, what it joins, why)."""

_OBSERVE, _DECIDE, _EXPIRE = 0, 1, 2


def settle(board: Board, watermark: int, grouping: Grouping, join: Join) -> None:
    """Take every decision that is due at `watermark` (microseconds UTC)."""
    now = watermark // MINUTE
    due: list[tuple[int, int, int]] = []
    for cell, minute in board.minutes.items():
        if not minute.observed:
            due.append((cell, _OBSERVE, cell))
        if not minute.decided:
            due.append((cell + grouping.settle // MINUTE, _DECIDE, cell))
        due.append((cell + grouping.low_window // MINUTE, _EXPIRE, cell))
    for moment, phase, cell in sorted(event for event in due if event[0] < now):
        minute = board.minutes[cell]
        if phase == _OBSERVE:
            _observe(board, cell, minute, grouping, join)
        elif phase == _DECIDE:
            _decide(board, cell, moment, grouping, join)
        else:
            _expire(board, cell, grouping, join)


def _is_near(one: int, other: int, window: int) -> bool:
    """True when two minutes lie within `window` (microseconds), whichever came first."""
    return abs(one - other) <= window // MINUTE


def _observe(board: Board, cell: int, minute: Minute, grouping: Grouping, join: Join) -> None:
    minute.observed = True
    for key, members in minute.traces.items():
        seen = board.seen.setdefault(key, Seen())
        for member in sorted(members):
            if member:
                _count(seen, member, cell, grouping)
    for ip, host in minute.owners.items():
        if ip not in board.owners or board.owners[ip][1] <= cell:
            board.owners[ip] = (host, cell)
    for key, ref in minute.marks.items():
        board.marks.note(key, Mark(cell, ref))
    if minute.marks:
        _wake(board, cell, minute, grouping, join)
    for name in sorted(minute.lows):
        low = minute.lows[name]
        if not low.placed:
            if _is_usual(board, low, cell, grouping):
                low.anchors = [anchor for anchor in low.anchors if anchor[0][0] in "ps"]
            _place(board, name, cell, low, join)
    for low in minute.lows.values():
        _hear(board, low, cell)


def _is_usual(board: Board, low: Low, cell: int, grouping: Grouping) -> bool:
    """True for what was heard in so many hours of the day before that it says nothing."""
    now = cell // 60
    hours = board.rhythm.get(low.noise_key, ())
    return sum(now - DAY // 60 <= hour < now for hour in hours) >= grouping.rhythm


def _hear(board: Board, low: Low, cell: int) -> None:
    hours = board.rhythm.setdefault(low.noise_key, [])
    if cell // 60 not in hours:
        hours.append(cell // 60)
        hours.sort()
        del hours[: -(DAY // 60)]


def _count(seen: Seen, member: str, cell: int, grouping: Grouping) -> None:
    """Note that `member` shares it; past the limit it is a hub, and counting starts again."""
    window = grouping.degree_window // MINUTE
    seen.members[member] = max(cell, seen.members.get(member, cell))
    if len(seen.members) <= grouping.max_degree:
        return
    oldest = max(seen.members.values()) - window
    near = {m for m, at in seen.members.items() if abs(at - cell) < window}
    if len(near) > grouping.max_degree:
        seen.hub_until = max(seen.hub_until, cell + window)
        seen.members = {m: at for m, at in seen.members.items() if m not in near}
    else:
        seen.members = {m: at for m, at in seen.members.items() if at > oldest or m in near}


def _wake(board: Board, cell: int, minute: Minute, grouping: Grouping, join: Join) -> None:
    """Attach low findings that waited for what this minute brought."""
    for name, since in sorted(board.waiting.items()):
        if not _is_near(cell, since, grouping.low_window):
            continue
        low = board.minutes[since].lows[name]
        for key, _window, reason in low.anchors:
            if key in minute.marks and not _is_hub(board, key, cell):
                _attach(board, low, minute.marks[key], reason, join)
                del board.waiting[name]
                break


def _place(board: Board, name: str, cell: int, low: Low, join: Join) -> None:
    """Attach a low finding to what went before it, or let it wait."""
    chosen = _anchor(board, cell, low)
    if chosen is None:
        board.waiting[name] = cell
    else:
        board.waiting.pop(name, None)
        _attach(board, low, *chosen, join)
    for key, _window, _reason in low.anchors:
        if key.startswith("p|"):
            board.trails.note(key, Mark(cell, low.ref))


def _attach(board: Board, low: Low, known: Ref, reason: str, join: Join) -> None:
    """Put a low finding with what it belongs to; two incidents stay two."""
    low.placed = True
    if not (board.is_incident(low.ref) and board.is_incident(known)):
        join(low.ref, known, reason)


def _anchor(board: Board, cell: int, low: Low) -> tuple[Ref, str] | None:
    """What a low finding belongs to, the strongest first.

    An incident through process, session or person; an earlier low finding through process; an
    incident on the same host, or one that an address leads to.
    """
    own = [anchor for anchor in low.anchors if anchor[0][0] in "pcsb"]
    lineage = [anchor for anchor in own if anchor[0].startswith("p|")]
    place = [a for a in low.anchors[len(own) :] if not _is_hub(board, a[0], cell)]
    for known, anchors in ((board.marks, own), (board.trails, lineage), (board.marks, place)):
        for key, window, reason in anchors:
            for mark in known.of(key):
                if _is_near(cell, mark.cell, window):
                    return mark.ref, reason
    return None


def _is_hub(board: Board, key: str, cell: int) -> bool:
    """True while so many share it that sharing it means nothing."""
    seen = board.seen.get(key)
    return seen is not None and seen.hub_until >= cell


def _decide(board: Board, cell: int, moment: int, grouping: Grouping, join: Join) -> None:
    minute = board.minutes[cell]
    minute.decided = True
    for key in sorted(minute.traces):
        owner = board.owners.get(key[2:]) if key[0] in "ad" else None
        known = owner is not None and _is_near(cell, owner[1], grouping.degree_window)
        chains = [] if key.startswith("d|") else [key]
        chains += [f"h|{owner[0]}"] if owner and known else []
        if any(_is_hub(board, chain, moment) for chain in chains):
            chains = []
        joins = any(refs for _, refs in minute.traces[key].values())
        for chain in chains if joins else ():
            _chain(board, cell, (key, chain), grouping, join)


def _chain(board: Board, cell: int, leads: tuple[str, str], grouping: Grouping, join: Join) -> None:
    """Join who shares the key now with who shared it last, if that is not too far away.

    What shares no more than a place or a person must be near, or go on where that was. `leads` are
    the key that is shared and the one that it leads to.
    """
    shared, key = leads
    minute = board.minutes[cell]
    stage = minute.stages.get(shared, 0)
    window = window_of(key, grouping)
    before = board.shared.of(key)
    for member, (reason, refs) in minute.traces[shared].items():
        near = near_window(key, member, grouping)
        for ref in refs:
            for mark in before:
                if _is_near(cell, mark.cell, near):
                    join(ref, mark.ref, reason)
                elif _is_near(cell, mark.cell, window) and (
                    on := _went_on(mark.stage, stage, later=cell >= mark.cell)
                ):
                    join(ref, mark.ref, f"{reason}, {on}")
            for other in board.shared.of(key):
                if other.cell == cell:
                    join(ref, other.ref, reason)
            board.shared.note(key, Mark(cell, ref, stage))


def _went_on(before: int, after: int, *, later: bool) -> str:
    return progress(before, after) if later else progress(after, before)


def _expire(board: Board, cell: int, grouping: Grouping, join: Join) -> None:
    """Low findings that found no incident stand for themselves, repeats together.

    Those that found only another low finding count too: their rule may stand alone elsewhere.
    """
    minute = board.minutes.pop(cell)
    for name in sorted(minute.lows):
        low = minute.lows[name]
        board.waiting.pop(name, None)
        if board.is_incident(low.ref):
            continue
        for mark in board.noise.of(low.noise_key):
            if _is_near(cell, mark.cell, grouping.repeat_window):
                _attach(board, low, mark.ref, "same low finding again", join)
        board.noise.note(low.noise_key, Mark(cell, low.ref))
