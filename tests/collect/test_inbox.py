from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.collect.inbox import STALLED, UNREAD, Delivery, Inbox, Part
from tocsin.collect.port import Chunk
from tocsin.formats.records import Rejected
from tocsin.model.envelope import BATCH_ROWS

NOW = 1_767_600_000_000_000


class Clock:
    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> int:
        return NOW

    def monotonic(self) -> float:
        return self.at


class Told:
    """A delivery and whether its sender was told."""

    def __init__(self, *parts: Part, problems: Sequence[Rejected] = ()) -> None:
        self.times = 0
        self.delivery = Delivery(parts, self.tell, problems)

    def tell(self) -> None:
        self.times += 1


def part(*raws: bytes, source: str | None = None, origin: str = "o") -> Part:
    return Part(origin, source, list(raws))


def give(inbox: Inbox) -> list[Chunk]:
    return list(inbox.poll(NOW))


def test_a_sender_is_told_once_all_of_its_chunks_are_durable() -> None:
    inbox = Inbox(Clock())
    mixed = Told(part(b"a", source="x"), part(b"b", source="y"))
    plain = Told(part(b"c", source="x"))
    for told in (mixed, plain):
        assert inbox.offer(told.delivery)
    first, second = give(inbox)
    assert (first.source_id, first.batch.raws) == ("x", [b"a", b"c"])
    assert (second.source_id, second.batch.raws) == ("y", [b"b"])
    inbox.durable([first])
    assert (mixed.times, plain.times) == (0, 1)
    inbox.durable([second])
    assert (mixed.times, plain.times) == (1, 1)


def test_a_chunk_that_is_durable_while_its_delivery_is_cut_does_not_tell_too_early() -> None:
    inbox = Inbox(Clock())
    told = Told(part(*[b"x"] * (BATCH_ROWS + 1)))
    inbox.offer(told.delivery)
    chunks = inbox.poll(NOW)
    inbox.durable([next(chunks)])
    assert told.times == 0
    inbox.durable([next(chunks)])
    assert told.times == 1
    assert next(chunks, None) is None


def test_problems_become_durable_with_the_rest() -> None:
    inbox = Inbox(Clock())
    told = Told(problems=[Rejected("o", 0, "too-large", "", b"x")] * 2)
    inbox.offer(told.delivery)
    (chunk,) = give(inbox)
    first, second = (problem.position for problem in chunk.batch.problems)
    assert second == first + 1 > NOW
    inbox.durable([chunk])
    assert told.times == 1


def test_an_empty_delivery_is_told_at_once() -> None:
    inbox = Inbox(Clock())
    told = Told()
    inbox.offer(told.delivery)
    assert give(inbox) == []
    assert told.times == 1


def test_positions_go_on_behind_the_durable_ones_and_behind_the_clock() -> None:
    inbox = Inbox(Clock())
    inbox.offer(Told(part(b"a", b"b")).delivery)
    (chunk,) = give(inbox)
    assert chunk.batch.positions == [NOW, NOW + 1]
    again = Inbox(Clock())
    later = NOW + 10**9
    again.resume({"next": {"next": later}}, {"next": {"next": later + 5}})
    again.offer(Told(part(b"c")).delivery)
    assert give(again)[0].batch.positions == [later + 5]
    forgotten = Inbox(Clock())
    forgotten.resume({}, {})
    forgotten.offer(Told(part(b"d")).delivery)
    assert next(iter(forgotten.poll(NOW + 7))).batch.positions == [NOW + 7]


def test_it_is_bounded_and_rings() -> None:
    rung: list[int] = []
    inbox = Inbox(Clock(), lambda: rung.append(1), most=1_000)
    assert inbox.offer(Told(part(b"x" * 2_000)).delivery), "one is always taken"
    assert not inbox.offer(Told(part(b"y")).delivery)
    assert inbox.busy
    give(inbox)
    assert inbox.offer(Told(part(b"y")).delivery)
    assert rung == [1, 1]


def test_it_refuses_while_the_spool_does_not_move() -> None:
    clock = Clock()
    inbox = Inbox(clock)
    inbox.offer(Told(part(b"a")).delivery)
    chunks = give(inbox)
    assert inbox.offer(Told(part(b"b")).delivery)
    clock.at += STALLED + 0.1
    assert inbox.busy
    assert not inbox.offer(Told(part(b"c")).delivery)
    inbox.durable(chunks)
    assert inbox.offer(Told(part(b"c")).delivery)


def test_it_refuses_while_nobody_takes_what_waits() -> None:
    clock = Clock()
    inbox = Inbox(clock)
    inbox.offer(Told(part(b"a")).delivery)
    clock.at += UNREAD - 0.1
    assert inbox.offer(Told(part(b"b")).delivery)
    clock.at += 0.2
    assert inbox.busy
    assert not inbox.offer(Told(part(b"c")).delivery)
    inbox.durable(give(inbox))
    assert not inbox.busy
    clock.at += 10 * UNREAD
    assert inbox.offer(Told(part(b"c")).delivery)


def test_only_what_was_not_taken_can_be_withdrawn() -> None:
    inbox = Inbox(Clock())
    first, second = Told(part(b"a")), Told(part(b"b"))
    inbox.offer(first.delivery)
    chunks = inbox.poll(NOW)
    chunk = next(chunks)
    inbox.offer(second.delivery)
    assert not inbox.withdraw(first.delivery)
    assert inbox.withdraw(second.delivery)
    assert not inbox.withdraw(second.delivery)
    assert chunk.batch.raws == [b"a"]
    assert [*chunks, *give(inbox)] == []


_PARTS = st.tuples(
    st.sampled_from(["o1", "o2"]),
    st.sampled_from([None, "x", "y"]),
    st.sampled_from([0, 1, 5, 8_200]),
)


@settings(max_examples=40)
@given(st.lists(st.lists(_PARTS, max_size=3), max_size=4))
def test_nothing_is_lost_doubled_or_told_too_early(deliveries: list[list[tuple]]) -> None:
    inbox = Inbox(Clock(), most=10**9)
    sent: list[tuple[str, str | None, bytes]] = []
    told = []
    for number, parts in enumerate(deliveries):
        made = []
        for origin, source, count in parts:
            raws = [b"%d %d %d" % (number, len(made), n) for n in range(count)]
            sent += [(origin, source, raw) for raw in raws]
            made.append(Part(origin, source, raws))
        told.append(Told(*made))
        assert inbox.offer(told[-1].delivery)
    chunks, rows, places = [], [], []
    for chunk in inbox.poll(NOW):
        assert len(chunk.batch) <= BATCH_ROWS
        batch = chunk.batch
        rows += [(o, chunk.source_id, r) for o, r in zip(batch.origins, batch.raws, strict=True)]
        places += batch.positions
        chunks.append(chunk)
    some = [bool(sum(count for *_, count in parts)) for parts in deliveries]
    assert [one.times for one in told] == [int(not has) for has in some]
    assert sorted(rows, key=repr) == sorted(sent, key=repr)
    assert len(set(places)) == len(places)
    for chunk in chunks:
        inbox.durable([chunk])
    assert [one.times for one in told] == [1] * len(told)
