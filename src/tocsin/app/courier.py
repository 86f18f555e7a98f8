"""The process that tells other tools what people decided here, and asks what changed there.

    verdict  ->  outbox (same transaction)  ->  courier  ->  the SIEM  ->  read back  ->  journal

INVARIANT  before anything is sent, that it will be is durable; what was sent and never answered is
           read back before it is sent again.
INVARIANT  nothing is called done that was not read back.

When both sides changed, `model.writeback.settle_sides` decides; the loser stands in the journal as
`siem-conflict` or `siem-conceded`.
"""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from types import FrameType
from urllib.parse import urlsplit

import msgspec
import structlog

from tocsin.app.clock import SystemClock
from tocsin.app.logs import speak
from tocsin.app.site import Site
from tocsin.collect.secrets import secret_bytes
from tocsin.connectors.credentials import ClientCredentials, basic, bearer
from tocsin.connectors.errors import Busy, ConnectorError, Denied, NotSent, Refused, Unknown
from tocsin.connectors.gateway import Gateway, Headers
from tocsin.connectors.siem import elastic, sentinel, splunk
from tocsin.connectors.siem.port import Siem
from tocsin.errors import TocsinError
from tocsin.model.findings import VendorAlert
from tocsin.model.ports import Clock
from tocsin.model.writeback import Settled, Side, Upstream, agree, settle_sides
from tocsin.settings import Siem as SiemSettings
from tocsin.store import State
from tocsin.store.outbox import QUEUED, REFUSED, SENDING, SENT, Queued

SECOND = 1_000_000
PAUSE = 0.5
"""Seconds between two looks at the outbox."""

LONGEST_WAIT = 15 * 60
DENIED_WAIT = 5 * 60
"""Seconds before the next try: at most, and when somebody must mend credentials first."""

MOST_ATTEMPTS = 100
"""Times that an order is sent before it is given up: at the longest wait that is a day."""

TRACKED = 200
"""Alerts in open incidents that are looked at in one poll, the newest."""

log = structlog.get_logger()


@dataclass(slots=True)
class Line:
    """A SIEM and when it may be called again (us)."""

    siem: Siem
    poll: int
    """Microseconds between two polls."""
    free_at: int = 0
    poll_at: int = 0


@dataclass(slots=True)
class Courier:
    """Works off the outbox of a state. `lines` are the SIEMs by the source of their alerts."""

    state: State
    lines: Mapping[str, Line]
    clock: Clock
    _stopped: Event = field(default_factory=Event)

    def run(self) -> None:
        """Deliver and poll until `stop`."""
        while not self._stopped.wait(PAUSE):
            self.deliver_due()
            self.poll_due()
        for line in self.lines.values():
            line.siem.close()

    def stop(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        """End after the order that is being delivered."""
        self._stopped.set()

    def deliver_due(self) -> int:
        """Deliver what is due; how many orders came to an end."""
        now = self.clock.now()
        free = {source for source, line in self.lines.items() if line.free_at <= now}
        ended = 0
        for one in self.state.outbox.due(now, free):
            line = self.lines[one.order.source_id]
            if line.free_at <= now and not self._stopped.is_set():
                ended += self._deliver(one, line)
        return ended

    def _deliver(self, one: Queued, line: Line) -> bool:
        """One order; False when it must be tried again."""
        try:
            return self._settle(one, line)
        except (Refused, Denied) as error:
            if isinstance(error, Denied):
                self._wait(one, line, DENIED_WAIT, error)
                return False
            return self._end(one, REFUSED, {"reason": str(error)})
        except Busy as error:
            self._wait(one, line, error.after, error)
        except (NotSent, Unknown) as error:
            self._wait(one, line, _backoff(one.attempts), error)
        except ConnectorError as error:
            self._again(one, 1.0, error)
        return False

    def _settle(self, one: Queued, line: Line) -> bool:
        """Read, decide, write, read back."""
        order = one.order
        theirs = _the_one(line.siem.read([order.seen]))
        if theirs is None:
            return self._end(one, REFUSED, {"reason": "it is not there"})
        settled = settle_sides(order, theirs)
        if settled.side is Side.THEIRS:
            alert = _followed(order.seen, theirs, self.clock.now())
            self.state.outbox.concede(one, self.clock.now(), alert, _loser(settled, one, theirs))
            return True
        if settled.side is Side.AGREED:
            return self._done(one, theirs, {"read_back": theirs.status})
        if one.attempts >= MOST_ATTEMPTS:
            return self._end(one, REFUSED, {"reason": f"given up after {one.attempts} attempts"})
        if settled.conflict and one.state == QUEUED:
            self.state.outbox.note(
                one, self.clock.now(), "siem-conflict", _loser(settled, one, theirs)
            )
        self.state.outbox.intend(one, self.clock.now())
        one = one._replace(state=SENDING, attempts=one.attempts + 1)
        return self._write(one, line, theirs)

    def _write(self, one: Queued, line: Line, theirs: Upstream) -> bool:
        try:
            line.siem.write(one.order, theirs)
        except (NotSent, Busy) as error:
            self._wait(one, line, getattr(error, "after", _backoff(one.attempts)), error)
            return False
        except Unknown as error:
            self._wait(one, line, _backoff(one.attempts), error)
            return False
        after = _the_one(line.siem.read([one.order.seen]))
        if after is None or not agree(one.order, after):
            said = "nothing" if after is None else after.status
            self._again(one, _backoff(one.attempts), Unknown(f"read back: {said}"))
            return False
        return self._done(one, after, {"read_back": after.status})

    def _done(self, one: Queued, theirs: Upstream, outcome: Mapping[str, str]) -> bool:
        now = self.clock.now()
        self._end(one, SENT, outcome)
        alert = _followed(one.order.seen, theirs, now)
        self.state.outbox.follow([(one.order.finding_id, alert)], now)
        return True

    def _end(self, one: Queued, state: str, outcome: Mapping[str, str]) -> bool:
        self.state.outbox.finish(one, state, self.clock.now(), outcome)
        log.info("order", number=one.number, source=one.order.source_id, state=state)
        return True

    def _again(self, one: Queued, seconds: float, error: Exception) -> None:
        now = self.clock.now()
        self.state.outbox.postpone(one, now + int(seconds * SECOND), now, {"reason": str(error)})

    def _wait(self, one: Queued, line: Line, seconds: float, error: Exception) -> None:
        """Let the whole system rest, not only this order."""
        line.free_at = self.clock.now() + int(seconds * SECOND)
        log.warning("siem", source=one.order.source_id, wait=seconds, reason=str(error))
        self._again(one, seconds, error)

    def poll_due(self) -> int:
        """Ask the SIEMs that are due what became of alerts in open incidents; how many changed."""
        now = self.clock.now()
        due = [
            (source, line)
            for source, line in self.lines.items()
            if max(line.free_at, line.poll_at) <= now
        ]
        return sum(self._poll(source, line, now) for source, line in due)

    def _poll(self, source: str, line: Line, now: int) -> int:
        line.poll_at = now + line.poll
        tracked = self.state.outbox.tracked(source, TRACKED)
        try:
            said = {one.uid: one for one in line.siem.read([alert for _, alert in tracked])}
        except ConnectorError as error:
            log.warning("siem", source=source, reason=str(error))
            return 0
        changed = [
            (name, _followed(alert, said[alert.uid], now))
            for name, alert in tracked
            if alert.uid in said and _differs(alert, said[alert.uid])
        ]
        return self.state.outbox.follow(changed, now) if changed else 0


def _the_one(found: list[Upstream]) -> Upstream | None:
    return found[0] if found else None


def _differs(alert: VendorAlert, said: Upstream) -> bool:
    return said.status != alert.status or said.open == alert.over


def _followed(alert: VendorAlert, said: Upstream, now: int) -> VendorAlert:
    """The alert as its tool says it is; a tool that gives no time is taken at its word now."""
    updated = said.updated if said.updated > alert.updated else now
    return msgspec.structs.replace(alert, status=said.status, updated=updated, over=not said.open)


def _loser(settled: Settled, one: Queued, theirs: Upstream) -> dict[str, str]:
    """Both sides of a conflict, for the journal."""
    order, closing = one.order, theirs.closing
    return {
        "reason": settled.reason,
        "ours": f"{'open' if order.open else 'closed'} by {order.by} at {order.at}: "
        f"{order.comment}",
        "theirs": f"{theirs.status}{f' as {closing.grade}' if closing else ''} "
        f"by {theirs.by or 'nobody'} at {theirs.updated}",
        "wins": settled.side.value,
    }


def _backoff(attempts: int) -> float:
    """Seconds before the next try."""
    return float(min(LONGEST_WAIT, 2 ** min(attempts, 10)))


def lines_of(site: Site, monotonic: Callable[[], float]) -> dict[str, Line]:
    """The SIEMs of a site's settings, by the source of their alerts."""
    folder = site.folder or Path()
    return {
        one.source: Line(siem_of(one, folder, monotonic), one.poll_seconds * SECOND)
        for one in site.settings.siem
    }


def siem_of(one: SiemSettings, folder: Path, monotonic: Callable[[], float]) -> Siem:
    """A SIEM behind its gateway; raises ConnectorError for a URL that cannot be used."""
    headers = _credentials(one, folder, monotonic)
    extra = elastic.headers() if one.kind == "elastic" else {}
    gateway = Gateway(one.source, one.url, lambda: {**headers(), **extra}, private=one.private)
    made: Siem
    if one.kind == "sentinel":
        made = sentinel.Sentinel(gateway)
    elif one.kind == "splunk":
        made = splunk.Splunk(gateway)
    else:
        made = elastic.Elastic(gateway)
    return made


def _credentials(one: SiemSettings, folder: Path, monotonic: Callable[[], float]) -> Headers:
    def secret() -> str:
        try:
            return secret_bytes(one.secret, folder).decode()
        except (TocsinError, UnicodeDecodeError) as error:
            raise Denied(f"{one.source}: {error}") from error

    if one.token_url:
        parts = urlsplit(one.token_url)
        endpoint = Gateway(
            f"{one.source} token",
            f"{parts.scheme}://{parts.netloc}",
            dict,
            private=one.private,
        )
        return ClientCredentials(
            endpoint, parts.path or "/", one.user, secret, one.scope, monotonic
        )
    if one.user:
        return basic(one.user, secret)
    return bearer(secret, "ApiKey" if one.kind == "elastic" else "Bearer")


def run_courier(site: Site) -> None:
    """Body of the process."""
    speak(site.settings.log.level)
    clock = SystemClock()
    courier = Courier(State(site.state), lines_of(site, clock.monotonic), clock)
    signal.signal(signal.SIGTERM, courier.stop)
    courier.run()
