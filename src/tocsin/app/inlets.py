"""The ways in of a site: what `[[input]]` says, as transports and listeners.

A kind of input is one function in `_MAKERS`: it gives what the runner polls and, for what senders
connect to, what the network's thread serves.
"""

import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec

from tocsin.app.site import Site
from tocsin.collect.addresses import bind, is_local, is_loopback, parse_listen
from tocsin.collect.desk import Desk
from tocsin.collect.inbox import Inbox
from tocsin.collect.network import Listener
from tocsin.collect.pollers.declaration import FOLDER, fill, is_value, pollers_of, why_not
from tocsin.collect.port import Transport
from tocsin.collect.secrets import secret_bytes
from tocsin.collect.senders import Senders
from tocsin.collect.tls import server_context
from tocsin.collect.transports.again import Again
from tocsin.collect.transports.bulk import Bulk
from tocsin.collect.transports.files import Files, FileSource
from tocsin.collect.transports.hec import Hec
from tocsin.collect.transports.kafka import Kafka, config_of
from tocsin.collect.transports.mailbox import Mailbox, place_of
from tocsin.collect.transports.otlp import Otlp
from tocsin.collect.transports.relp import relp_streams
from tocsin.collect.transports.syslog import Datagrams, syslog_streams
from tocsin.collect.transports.webhook import Webhook
from tocsin.collect.web import Speaker, Web
from tocsin.content import load
from tocsin.errors import SettingsError
from tocsin.formats.limits import DEFAULT, Limits
from tocsin.model.ports import Clock
from tocsin.settings import (
    FilesInput,
    HttpInput,
    KafkaInput,
    MailboxInput,
    RelpInput,
    RestInput,
    Settings,
    SyslogInput,
)
from tocsin.settings import Listener as Listens

AGAIN = "again"
"""The inlet, and its folder, of dead letters that go through once more."""


def _nothing() -> None:
    """Nothing is held, or nobody sleeps."""


@dataclass(frozen=True, slots=True)
class Inlet:
    """One way in.

    `name` sets its positions in the spool apart (empty: files), `partition` is the number of the
    one it writes, for good. `listener` is served by the network's thread. `close` ends what the
    transport holds.
    """

    name: str
    partition: int
    transport: Transport
    listener: Listener | None = None
    close: Callable[[], None] = _nothing


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an inlet is made with; `ring` wakes the thread that polls, from any thread."""

    folder: Path
    limits: Limits
    clock: Clock
    ring: Callable[[], None]

    def path(self, written: str) -> Path:
        """A path of the settings: a relative one starts at the site's folder."""
        return self.folder / written


Maker = Callable[[Any, Surroundings], tuple[Transport, Listener | None, Callable[[], None]]]
"""From one input's settings: its transport, its listener if any, and what closes it."""


def inlets_of(
    site: Site, partitions: int, clock: Clock, ring: Callable[[], None] = _nothing
) -> list[Inlet]:
    """What the settings say is to be read; raises SettingsError when it cannot be understood."""
    around = surroundings(site, clock, ring)
    found = _files(site.settings, partitions, around)
    names: set[str] = set()
    for one in site.settings.input:
        if isinstance(one, FilesInput):
            continue
        if one.name in names:
            raise SettingsError(f"input {one.name}: two have this name; give each its own `name`")
        names.add(one.name)
        transport, listener, close = _MAKERS[type(one)](one, around)
        partition = crc32(one.name.encode()) % partitions
        found.append(Inlet(one.name, partition, transport, listener, close))
    found.append(Inlet(AGAIN, 0, Again(site.data / AGAIN)))
    return found


def refuse_taken(site: Site) -> None:
    """Say that an address is taken before anything starts; raises SettingsError."""
    for one in site.settings.input:
        if not isinstance(one, Listens):
            continue
        host, port = parse_listen(one.name, one.listen)
        udp = isinstance(one, SyslogInput) and one.protocol == "udp"
        kind = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
        if (why := _taken(host, port, kind)) is not None:
            raise SettingsError(
                f"input {one.name}: {one.listen} cannot be used ({why}); set another `listen`"
            )


_TRIES, _PAUSE = 10, 0.1
"""Who was killed a moment ago may hold an address a little longer."""


def _taken(host: str, port: int, kind: socket.SocketKind) -> str | None:
    """Why an address cannot be used; None when it can."""
    why = None
    for _ in range(_TRIES):
        try:
            bind(host, port, kind).close()
        except OSError as error:
            why = error.strerror or type(error).__name__
            time.sleep(_PAUSE)
        else:
            return None
    return why


def surroundings(site: Site, clock: Clock, ring: Callable[[], None]) -> Surroundings:
    """The same for all inlets of a site."""
    limits = site.settings.limits
    bounds = msgspec.structs.replace(
        DEFAULT, max_record=limits.record_bytes, max_depth=limits.depth, max_ratio=limits.ratio
    )
    return Surroundings(site.folder or Path.cwd(), bounds, clock, ring)


def _files(settings: Settings, partitions: int, around: Surroundings) -> list[Inlet]:
    """One transport for all files and folders of a partition."""
    shares: dict[int, list[FileSource]] = {}
    for one in settings.input:
        if isinstance(one, FilesInput):
            share = shares.setdefault(crc32(one.path.encode()) % partitions, [])
            share.append(_file_source(one, around))
    return [_files_inlet(number, sources, around) for number, sources in shares.items()]


def _files_inlet(partition: int, sources: Sequence[FileSource], around: Surroundings) -> Inlet:
    files = Files(sources, around.limits)
    return Inlet("", partition, files, close=files.close)


def _file_source(one: FilesInput, around: Surroundings) -> FileSource:
    path = around.path(one.path)
    if "*" in str(path.parent):
        raise SettingsError(f"input {one.path}: `*` is only understood in the last part of a path")
    if "*" in path.name:
        return FileSource(path.parent, one.source, one.follow, path.name)
    return FileSource(path, one.source, one.follow)


def _http(one: HttpInput, around: Surroundings) -> tuple[Transport, Listener, Callable[[], None]]:
    host, _ = parse_listen(one.name, one.listen)
    senders = Senders(one.tokens, around.folder)
    if senders.open and not is_loopback(host) and set(one.accept) != {"webhook"}:
        raise SettingsError(
            f"input {one.name}: whoever reaches {host} could send; give it [[input.tokens]]"
        )
    inbox = Inbox(around.clock, around.ring, name=one.name)
    desk = Desk(inbox, around.limits)
    made: dict[str, Callable[[], Speaker]] = {
        "hec": lambda: Hec(senders, desk, around.clock.now()),
        "otlp": lambda: Otlp(senders, desk),
        "webhook": lambda: Webhook(one.hooks, around.folder, desk, around.clock),
        "bulk": lambda: Bulk(senders, desk),
    }
    speakers = [make() for name, make in made.items() if name in one.accept]
    tls = server_context(one, around.folder)
    return inbox, Web(one, speakers, tls, around.limits.max_ratio), _nothing


def _syslog(
    one: SyslogInput, around: Surroundings
) -> tuple[Transport, Listener, Callable[[], None]]:
    parse_listen(one.name, one.listen)
    inbox = Inbox(around.clock, around.ring, name=one.name)
    desk = Desk(inbox, around.limits)
    tls = server_context(one, around.folder)
    if one.protocol == "udp":
        if tls is not None:
            raise SettingsError(f'input {one.name}: TLS needs protocol = "tcp"')
        return inbox, Datagrams(one, desk), _nothing
    return inbox, syslog_streams(one, desk, tls), _nothing


def _relp(one: RelpInput, around: Surroundings) -> tuple[Transport, Listener, Callable[[], None]]:
    parse_listen(one.name, one.listen)
    inbox = Inbox(around.clock, around.ring, name=one.name)
    desk = Desk(inbox, around.limits)
    return inbox, relp_streams(one, desk, server_context(one, around.folder)), _nothing


def _kafka(one: KafkaInput, around: Surroundings) -> tuple[Transport, None, Callable[[], None]]:
    config = config_of(one, around.folder)
    kafka = Kafka(one, config, around.limits, around.clock, around.ring)
    return kafka, None, kafka.close


def _rest(one: RestInput, around: Surroundings) -> tuple[Transport, None, Callable[[], None]]:
    from tocsin.collect.pollers.asking import Asker, Credentials  # noqa: PLC0415 - httpx is slow
    from tocsin.collect.transports.rest import (  # noqa: PLC0415 - to load
        Interface,
        Rest,
        values_of,
    )

    pollers = pollers_of(load(around.folder, [FOLDER.rstrip("/")]).files)
    if (poller := pollers.get(one.poller)) is None:
        known = ", ".join(sorted(pollers))
        raise SettingsError(f"input {one.name}: no poller {one.poller}; there are {known}")
    values = values_of(one, poller, is_value)
    base, token_url = one.url or poller.url, one.token_url or fill(poller.auth.token_url, values)
    for url in (base, *([token_url] if token_url else [])):
        if why := why_not(url):
            raise SettingsError(f"input {one.name}: {why}")
    secret_bytes(one.secret, around.folder)
    credentials = Credentials(
        lambda: secret_bytes(one.secret, around.folder).decode("latin-1"),
        one.client, token_url, fill(poller.auth.scope, values),
    )  # fmt: skip
    ca = str(around.path(one.ca)) if one.ca else None
    asker = Asker(poller, base, credentials, around.clock, ca)
    interface = Interface(poller, values, asker)
    rest = Rest(one, interface, around.limits, around.clock, around.ring)
    return rest, None, rest.close


def _mailbox(one: MailboxInput, around: Surroundings) -> tuple[Transport, None, Callable[[], None]]:
    place = place_of(one, around.folder, local=is_local(one.host))
    mailbox = Mailbox(place, around.clock, around.ring)
    return mailbox, None, mailbox.close


_MAKERS: Mapping[type, Maker] = {
    HttpInput: _http,
    SyslogInput: _syslog,
    RelpInput: _relp,
    KafkaInput: _kafka,
    RestInput: _rest,
    MailboxInput: _mailbox,
}
