"""Decisions that need the whole picture, taken in order of event time once the watermark passed.

What joins only when few share it, and where a low finding belongs, depends on other findings.
Taken on arrival it would depend on the order of arrival; taken minute by minute, in event time,
when a minute can no longer change, it does not. A minute is *observed* when it is complete,
*decided* `settle` later, and its low findings stop waiting `low_window` later.
"""

from collections.abc import Callable
from typing import TypeAlias

from tocsin.correlate.board import Board, Low, Mark, Minute, Ref, Seen
from tocsin.correlate.grouping import MINUTE, Grouping, window_of

Join: TypeAlias = Callable[[Ref, Ref, str], None]
"""Makes one group of two: (the finding that joins, what it joins, why)."""

Members: TypeAlias = dict[str, tuple[str, list[Ref]]]
"""Who shares a key in one minute: the reason, and a finding of each group."""

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


def _observe(board: Board, cell: int, minute: Minute, grouping: Grouping, join: Join) -> None:
    minute.observed = True
    for key, members in minute.traces.items():
        seen = board.seen.setdefault(key, Seen())
        for member in sorted(members):
            if member:
                _count(seen, member, cell, grouping)
    for ip, host in minute.owners.items():
        board.owners[ip] = (host, cell)
    for key, ref in minute.marks.items():
        board.marks[key] = Mark(cell, ref)
    if minute.marks:
        _wake(board, cell, minute, join)
    for name in sorted(minute.lows):
        _place(board, name, cell, minute.lows[name], join)


def _count(seen: Seen, member: str, cell: int, grouping: Grouping) -> None:
    """Note that `member` shares it; past the limit it is a hub, and counting starts again."""
    window = grouping.degree_window // MINUTE
    seen.members[member] = cell
    if len(seen.members) > grouping.max_degree:
        seen.members = {m: at for m, at in seen.members.items() if at > cell - window}
    if len(seen.members) > grouping.max_degree:
        seen.hub_until = cell + window
        seen.members = {}


def _wake(board: Board, cell: int, minute: Minute, join: Join) -> None:
    """Attach low findings that waited for what this minute brought."""
    for name, (_, low) in sorted(board.waiting.items()):
        for key, _window, reason in low.anchors:
            if key in minute.marks and not _is_hub(board, key, cell):
                join(low.ref, minute.marks[key], reason)
                del board.waiting[name]
                break


def _place(board: Board, name: str, cell: int, low: Low, join: Join) -> None:
    """Attach a low finding to what went before it, or let it wait."""
    chosen = _anchor(board, cell, low)
    if chosen is None:
        board.waiting[name] = (cell, low)
    else:
        join(low.ref, *chosen)
    for key, _window, _reason in low.anchors:
        if key.startswith("p|"):
            board.trails[key] = Mark(cell, low.ref)


def _anchor(board: Board, cell: int, low: Low) -> tuple[Ref, str] | None:
    """What a low finding belongs to, the strongest first.

    An incident through process, session or person; an earlier low finding through process; an
    incident on the same host, or one that an address leads to.
    """
    own = [anchor for anchor in low.anchors if anchor[0][0] in "psb"]
    lineage = [anchor for anchor in own if anchor[0].startswith("p|")]
    place = [a for a in low.anchors[len(own) :] if not _is_hub(board, a[0], cell)]
    for known, anchors in ((board.marks, own), (board.trails, lineage), (board.marks, place)):
        for key, window, reason in anchors:
            mark = known.get(key)
            if mark is not None and cell - mark.cell <= window // MINUTE:
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
        owner = board.owners.get(key[2:]) if key.startswith("a|") else None
        chains = [key, f"h|{owner[0]}"] if owner else [key]
        if any(_is_hub(board, chain, moment) for chain in chains):
            chains = []
        joins = any(refs for _, refs in minute.traces[key].values())
        for chain in chains if joins else ():
            _chain(board, chain, cell, minute.traces[key], window_of(chain, grouping), join)


def _chain(board: Board, key: str, cell: int, members: Members, window: int, join: Join) -> None:
    """Join who shares the key now with who shared it last, if that is not too long ago."""
    seen = board.seen.setdefault(key, Seen())
    for reason, refs in members.values():
        for ref in refs:
            if seen.last is not None and cell - seen.last.cell <= window // MINUTE:
                join(ref, seen.last.ref, reason)
            seen.last = Mark(cell, ref)


def _expire(board: Board, cell: int, grouping: Grouping, join: Join) -> None:
    """Low findings that found no incident stand for themselves, repeats together."""
    minute = board.minutes.pop(cell)
    for name in sorted(minute.lows):
        waited = board.waiting.pop(name, None)
        if waited is None:
            continue
        low = waited[1]
        mark = board.noise.get(low.noise_key)
        if mark is not None and cell - mark.cell <= grouping.repeat_window // MINUTE:
            join(low.ref, mark.ref, "same low finding again")
        board.noise[low.noise_key] = Mark(cell, low.ref)
