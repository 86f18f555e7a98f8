"""A small core and worker in one: judges 60 events in batches and appends them to the lake.

python crash_child.py FOLDER BATCH FLUSH      (TOCSIN_CRASH_AT ends it on the way)
"""

import sys
from pathlib import Path

from tests.store.lake_rows import EVENT, event_rows
from tests.store.stories import finding

from tocsin.store.lake import Lake
from tocsin.store.state_store import State

EVENTS = 60
CLASSES = ("a", "b", "c")


def work(folder: Path, batch: int, flush: int) -> None:
    """Go on from the cursors to the end. `batch` events per T1, `flush` events per T2."""
    state = State(folder / "state.db")
    lake = Lake(folder / "lake", lambda _class: EVENT, cursor=lambda p: state.cursor(p, "lake"))
    while (judged := state.cursor("p0", "think")) < EVENTS - 1:
        judge(state, range(judged + 1, min(judged + 1 + batch, EVENTS)))
        if judged - lake.stored("p0") >= flush:
            store(state, lake)
    store(state, lake)
    state.close()


def judge(state: State, offsets: range) -> None:
    uids = [f"{offset % 50:032x}" for offset in offsets]
    with state.think("p0") as tx:
        duplicates = tx.first_seen(uids, offsets, ["s"] * len(offsets), list(offsets))
        tx.add_findings([finding(f"f{n}") for n in offsets if n % 7 == 0])
        tx.count({"events": len(offsets), "duplicates": len(duplicates)})
        tx.journal(offsets[-1], "core", "batch", subject="p0", body={"last": offsets[-1]})
        tx.set_cursor("think", offsets[-1])


def store(state: State, lake: Lake) -> None:
    low, high = lake.stored("p0") + 1, state.cursor("p0", "think") + 1
    events = {
        name: [event_rows([n for n in range(low, high) if n % len(CLASSES) == turn])]
        for turn, name in enumerate(CLASSES)
    }
    if low < high:
        lake.append("p0", high - 1, events)
        state.set_cursor("p0", "lake", high - 1)


if __name__ == "__main__":
    work(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
