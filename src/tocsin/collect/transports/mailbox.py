"""A mailbox of reported phishing, read over IMAP (RFC 3501).

A mail's position is UIDVALIDITY and UID. It is flagged as seen once it is durable, and never
deleted. What is kept is JSON made of the mail: who reported it, what was reported, its links, and
its attachments by their hashes; the mail itself stays where it is, known by its own hash.
"""

import imaplib
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from tocsin.collect.port import Checkpoint, Chunk
from tocsin.collect.pulling import Puller, pause_after
from tocsin.collect.secrets import secret_bytes
from tocsin.errors import SettingsError
from tocsin.formats.mail import Mail, Person, read_mail
from tocsin.formats.records import Block, RawBatch
from tocsin.model.ports import Clock
from tocsin.settings import MailboxInput

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = "tocsin.reported_mail"
TIMEOUT = 30.0
"""Seconds for an answer of the server."""
_SLACK = 64 * 1024
"""Bytes that an answer may have beyond the mail that was asked for."""
AT_ONCE = 1_000
"""Mails of one look."""
_DATE = re.compile(rb'INTERNALDATE "([^"]{20,40})"')
_SIZE = re.compile(rb"RFC822\.SIZE (\d{1,12})")


class Place(NamedTuple):
    """How to get at the mailbox; `secret` is resolved at each login."""

    one: MailboxInput
    context: ssl.SSLContext | None
    secret: Callable[[], str]


class Mailbox(Puller):
    """The transport."""

    def __init__(self, place: Place, clock: Clock, ring: Callable[[], None]) -> None:
        super().__init__(place.one.name, clock, ring)
        self._place = place
        self._key = place.one.folder
        self._lock = threading.Lock()
        self._to_flag: set[tuple[int, int]] = set()
        """UIDVALIDITY and UID of mails that are durable and not flagged."""

    def kept(self, chunks: Sequence[Chunk]) -> None:
        """Note what can be flagged."""
        with self._lock:
            self._to_flag |= {chunk.ticket for chunk in chunks}

    def pull(self) -> None:
        """Look, pause, and so on; a connection that fails is made again."""
        failures = 0
        while not self.stopping.is_set():
            try:
                self._session()
                failures = 0
            except _Denied as error:
                failures += 1
                self.troubles.note("denied", str(error))
            except (imaplib.IMAP4.error, SettingsError) as error:
                failures += 1
                self.troubles.note("mailbox", _plain(error))
            except OSError as error:
                failures += 1
                self.troubles.note("unreachable", error.strerror or type(error).__name__)
            self.stopping.wait(pause_after(max(failures, 1)))

    def _session(self) -> None:
        """Look again and again over one connection."""
        server = _connect(self._place)
        try:
            validity = self._select(server)
            at = self.positions.get(self._key) or {}
            last = at["uid"] if at.get("validity") == validity else 0
            self._flag_what_was_kept(server, validity, last)
            while not self.stopping.is_set():
                last = self._look(server, validity, last)
                self.troubles.over()
                self._rest(server, validity)
        finally:
            server.shutdown()

    def _select(self, server: "_Server") -> int:
        folder = '"' + self._place.one.folder.replace("\\", "\\\\").replace('"', '\\"') + '"'
        _good(server.select(folder))
        _, found = server.response("UIDVALIDITY")
        text = found[0] if found else None
        if not isinstance(text, bytes) or not text.isdigit():
            raise imaplib.IMAP4.error("the server says no UIDVALIDITY")
        return int(text)

    def _look(self, server: "_Server", validity: int, last: int) -> int:
        """Queue what is new; the last UID then."""
        (found,) = _good(server.uid("SEARCH", "UID", f"{last + 1}:*"))[:1] or [b""]
        uids = sorted(int(uid) for uid in (found or b"").split() if uid.isdigit())
        for uid in [uid for uid in uids if uid > last][:AT_ONCE]:
            if not self._fetch(server, validity, uid):
                break
            last = uid
            self._flag(server, validity)
        return last

    def _fetch(self, server: "_Server", validity: int, uid: int) -> bool:
        limit = self._place.one.message_bytes
        what = f"(RFC822.SIZE INTERNALDATE BODY.PEEK[]<0.{limit}>)"
        parts = _good(server.uid("FETCH", str(uid), what))
        pair = next((part for part in parts if isinstance(part, tuple)), None)
        if pair is None:
            return True  # deleted since
        head = b" ".join(p if isinstance(p, bytes) else p[0] for p in parts if p)
        size, date = _SIZE.search(head), _DATE.search(head)
        arrived = Arrived(
            self.name, validity, uid, int(size[1]) if size else len(pair[1]),
            _date(date[1]) if date else "",
        )  # fmt: skip
        batch = RawBatch()
        for number, raw in enumerate(records_of(pair[1], arrived)):
            origin = f"imap:{self.name}/{validity}" + (f"!{number}" if number else "")
            batch.add(Block(origin, [uid], [raw]))
        note = Checkpoint(self._key, {"validity": validity, "uid": uid})
        return self.put(Chunk(batch, "reported_mail", note, (validity, uid)))

    def _rest(self, server: "_Server", validity: int) -> None:
        """Until the next look; meanwhile mails become durable."""
        until = self.clock.monotonic() + self._place.one.interval_seconds
        while not self.stopping.is_set() and (left := until - self.clock.monotonic()) > 0:
            self._flag(server, validity)
            self.stopping.wait(min(left, 0.2))
        self._flag(server, validity)

    def _flag(self, server: "_Server", validity: int) -> None:
        with self._lock:
            due = [mark for mark in self._to_flag if mark[0] == validity]
            self._to_flag.clear()
        if due:
            uids = ",".join(str(uid) for _, uid in sorted(due))
            _good(server.uid("STORE", uids, "+FLAGS.SILENT", "(\\Seen)"))

    def _flag_what_was_kept(self, server: "_Server", validity: int, last: int) -> None:
        """Those that were durable when we ended, and not flagged yet."""
        if last:
            (found,) = _good(server.uid("SEARCH", "UNSEEN", "UID", f"1:{last}"))[:1] or [b""]
            with self._lock:
                self._to_flag |= {
                    (validity, int(uid)) for uid in (found or b"").split() if uid.isdigit()
                }
            self._flag(server, validity)


class Arrived(NamedTuple):
    """Where and when a mail arrived; `size` is that of the whole mail."""

    mailbox: str
    validity: int
    uid: int
    size: int
    at: str


def records_of(raw: bytes, arrived: Arrived) -> list[bytes]:
    """What is kept of a mail: a record for each mail that it reports, or one for itself."""
    report = read_mail(raw)
    told = list(_reported(report)) or [report]
    return [_record(one, report, arrived, cut=len(raw) < arrived.size) for one in told]


def _reported(mail: Mail) -> Iterator[Mail]:
    for inner in mail.mails:
        yield inner
        yield from _reported(inner)


def _record(mail: Mail, report: Mail, arrived: Arrived, *, cut: bool) -> bytes:
    itself = mail is report
    reporter = report.resent_from if itself else report.sender
    problems = (*report.problems, *mail.problems, *(("cut",) if cut else ()))
    found: dict[str, Any] = {
        "format": FORMAT,
        "version": 1,
        "arrived": arrived.at or None,
        "report": {
            "mailbox": arrived.mailbox, "uid": f"{arrived.validity}/{arrived.uid}",
            "sha256": report.sha256, "size": arrived.size, "message_id": report.message_id,
            "subject": report.subject, "date": report.date,
            "note": "" if itself else report.text,
        },
        "reporter": _first(reporter),
        "mail": {
            "how": "itself" if itself else mail.how, "depth": mail.depth, "sha256": mail.sha256,
            "size": mail.size, "message_id": mail.message_id, "date": mail.date,
            "subject": mail.subject, "from": _first(mail.sender),
            "to": [one.address for one in mail.to], "cc": [one.address for one in mail.cc],
            "reply_to": _first(mail.reply_to)["address"],
            "return_path": mail.return_path,
            "received": [
                {"text": hop.text, "host": hop.host, "ip": hop.ip} for hop in mail.received
            ],
            "authentication": {v.method: v.result for v in reversed(mail.verdicts)},
            "urls": mail.urls,
            "files": [
                {"name": f.name, "type": f.type, "size": f.size, "sha256": f.sha256}
                for f in mail.files
            ],
            "text": mail.text,
        },
        "problems": list(dict.fromkeys(problems)),
    }  # fmt: skip
    return orjson.dumps(found)


def _first(people: Sequence[Person]) -> dict[str, str]:
    one = people[0] if people else Person("", "")
    return {"address": one.address, "name": one.name}


class _Denied(Exception):
    """The server does not let us in."""


class _Server(imaplib.IMAP4):
    """A connection that reads no more than a mail may have."""

    most = 0

    def read(self, size: int) -> bytes:
        """A literal of the server's answer."""
        if size > self.most:
            raise self.abort(f"the server sends {size:,} bytes at once")
        return super().read(size)


class _TlsServer(_Server, imaplib.IMAP4_SSL):
    """The same over TLS."""


def _connect(place: Place) -> _Server:
    one = place.one
    server: _Server
    if one.tls == "imaps":
        server = _TlsServer(one.host, one.port, ssl_context=place.context, timeout=TIMEOUT)
    else:
        server = _Server(one.host, one.port, TIMEOUT)
    server.most = one.message_bytes + _SLACK
    entered = False
    try:
        if one.tls == "starttls":
            server.starttls(place.context)
        _login(server, one.user, place.secret())
        entered = True
    finally:
        if not entered:
            server.shutdown()
    return server


def _login(server: _Server, user: str, secret: str) -> None:
    try:
        server.login(user, secret)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error:
        raise _Denied(f"the server does not let {user} in") from None


def place_of(one: MailboxInput, folder: "Path", *, local: bool) -> Place:
    """How to get there; raises SettingsError when that cannot work or would show the password."""
    if one.tls == "none" and not local:
        raise SettingsError(f"input {one.name}: without TLS only a server of this machine")
    secret_bytes(one.password, folder)
    context = None
    if one.tls != "none":
        try:
            context = ssl.create_default_context(cafile=str(folder / one.ca) if one.ca else None)
        except OSError as error:
            raise SettingsError(f"input {one.name}: ca: {error.strerror}") from None
    return Place(one, context, lambda: secret_bytes(one.password, folder).decode())


def _good(answer: tuple[str, Any]) -> list[Any]:
    kind, found = answer
    if kind != "OK":
        raise imaplib.IMAP4.error("the server refuses a command")
    return list(found or ())


def _date(text: bytes) -> str:
    """INTERNALDATE (` 5-Jan-2026 08:00:00 +0000`) in ISO 8601; empty when it is none."""
    try:
        at = datetime.strptime(text.decode("latin-1").strip(), "%d-%b-%Y %H:%M:%S %z")
    except ValueError:
        return ""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
