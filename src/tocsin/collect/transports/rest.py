"""REST interfaces that are asked for records, as `pollers/` declares them.

The cursor is the position in the spool's frame: it is durable with the records that it stands
behind, or not at all. A page whose records did not become durable is asked for again.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tocsin.collect.pollers.asking import Answer, Asker, Failed
from tocsin.collect.pollers.cursor import SECOND, State, moment_of, written
from tocsin.collect.pollers.declaration import Poller, fill
from tocsin.collect.pollers.page import Odd, Page, digest, fields_of, read_page, value_at
from tocsin.collect.port import Checkpoint, Chunk
from tocsin.collect.pulling import Puller, beyond, pause_after
from tocsin.errors import SettingsError
from tocsin.formats.limits import Limits
from tocsin.formats.records import Block, RawBatch
from tocsin.model.envelope import BATCH_BYTES, BATCH_ROWS
from tocsin.model.ports import Clock
from tocsin.settings import RestInput

MAX_PAGES = 10_000
"""Pages of one round; the next goes on behind them."""
KEY = "cursor"


class Interface(NamedTuple):
    """Whom to ask and how; `values` are the parameters that the declaration leaves open."""

    poller: Poller
    values: Mapping[str, str]
    asker: Asker


class Rest(Puller):
    """The transport."""

    def __init__(
        self,
        one: RestInput,
        interface: Interface,
        limits: Limits,
        clock: Clock,
        ring: Callable[[], None],
    ) -> None:
        super().__init__(one.name, clock, ring)
        self._poller, self._values, self._asker = interface
        self._limits = limits
        self._first_hours = one.first_hours
        self._every = float(one.interval_seconds or self._poller.every)
        self._gap = 60.0 / self._poller.per_minute
        self._not_before = 0.0
        self._origin = f"rest:{one.name}"
        self._told: frozenset[str] = frozenset()
        """What became a dead letter before the last end, with nothing durable behind it."""

    def pull(self) -> None:
        """A round, a pause, and so on."""
        state = State.of(self.positions.get(KEY)) or State.first(
            self.clock.now(), self._first_hours
        )
        told = State.of(self.refused.get(KEY))
        self._told = frozenset(told.seen) if told else frozenset()
        failures = 0
        while not self.stopping.is_set():
            try:
                state, wait = self._round(state), self._every
            except _Stuck as stuck:
                failures += 1
                state, wait = stuck.state, max(pause_after(failures), stuck.failure.wait)
                self.troubles.note(stuck.failure.reason, str(stuck.failure))
            else:
                failures = 0
                self.troubles.over()
            self.stopping.wait(wait)
        self._asker.close()

    def _round(self, state: State) -> State:
        """Pages until the last; the state behind them. Raises _Stuck with the state so far."""
        for _ in range(MAX_PAGES):
            try:
                answer = self._ask(state)
                page = read_page(self._poller, answer.body, answer.link, self._limits.max_depth)
                _refuse_circle(page, state)
            except Failed as error:
                if error.reason in ("refused", "elsewhere"):
                    state = state.again()  # a link may be too old: the time still holds
                raise _Stuck(state, error) from None
            except Odd as error:
                raise _Stuck(state, Failed("schema", str(error))) from None
            self._not_before = max(self._not_before, self.clock.monotonic() + answer.wait)
            before, (chunks, state) = state, self._taken(page, state)
            last = not page.after or not page.items
            if last:
                state = state.after_round(follow=self._poller.cursor.follow)
            if not self._put(chunks, before, state) or last:
                break
        return state

    def _ask(self, state: State) -> Answer:
        """The next page, not sooner than the interface allows."""
        self.stopping.wait(max(0.0, self._not_before - self.clock.monotonic()))
        self._not_before = self.clock.monotonic() + self._gap
        paging, cursor, request = self._poller.paging, self._poller.cursor, self._poller.request
        if state.next and paging.kind != "token":
            return self._asker.page(state.next)
        values = {
            **self._values,
            "since": written(cursor, state.since - cursor.overlap * SECOND),
            "until": written(cursor, self.clock.now()),
        }
        query = {name: fill(text, values) for name, text in request.query.items()}
        if state.next:
            query[paging.parameter] = state.next
        return self._asker.first(fill(request.path, values, quoted=True), query)

    def _taken(self, page: Page, state: State) -> tuple[list[RawBatch], State]:
        """The records of a page that did not come before, and the state behind it."""
        seen, new, high, now = set(state.seen), [], state.high, self.clock.now()
        batches = [RawBatch()]
        number = state.number
        for item in page.items:
            fields = fields_of(item)
            mark, known = digest(self._poller, item, fields)
            moment = moment_of(value_at(fields, self._poller.cursor.field))
            if moment is None:
                self.troubles.counts["no-time"] += 1
            elif moment <= now:  # one from the future must not make us skip what comes until then
                high = max(high, moment)
            if known and mark in seen:
                continue
            seen.add(mark)
            new.append(mark)
            self._add(batches, number, item, mark)
            number += 1
        return batches, state.after_page(high, number - state.number, new, page.after)

    def _add(self, batches: list[RawBatch], number: int, item: bytes, mark: str) -> None:
        """Put an item into the last batch, or begin another."""
        batch = batches[-1]
        if len(batch) >= BATCH_ROWS or (batch.size and batch.size + len(item) > BATCH_BYTES):
            batch = RawBatch()
            batches.append(batch)
        problem = beyond(self._limits, self._origin, number, item)
        if problem is None:
            batch.add(Block(self._origin, [number], [item]))
        elif mark not in self._told:
            batch.problems.append(problem)

    def _put(self, batches: list[RawBatch], before: State, state: State) -> bool:
        """Queue a page; its cursor stands behind its last batch."""
        if state == before:
            return True
        positions: list[dict[str, Any]] = [before.kept()] * (len(batches) - 1) + [state.kept()]
        return all(
            self.put(Chunk(batch, self._poller.source, Checkpoint(KEY, position)))
            for batch, position in zip(batches, positions, strict=True)
        )


class _Stuck(Exception):
    """A round that could not go on, and how far it came."""

    def __init__(self, state: State, failure: Failed) -> None:
        super().__init__(str(failure))
        self.state = state
        self.failure = failure


def _refuse_circle(page: Page, state: State) -> None:
    if page.items and page.after and page.after == state.next:
        raise Odd("a page names itself as the next")


def values_of(one: RestInput, poller: Poller, allowed: Callable[[str], bool]) -> dict[str, str]:
    """The parameters of the settings; raises SettingsError when one lacks or cannot be."""
    values = dict(part.partition("=")[::2] for part in one.parameters)
    for name in poller.parameters:
        if not allowed(values.get(name, "")):
            raise SettingsError(
                f'input {one.name}: {poller.id} needs parameters = ["{name}=..."], '
                "letters, digits, `.`, `_` and `-`"
            )
    if unknown := set(values) - set(poller.parameters):
        raise SettingsError(f"input {one.name}: {poller.id} has no parameter {min(unknown)}")
    return values
