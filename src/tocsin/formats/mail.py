"""Mails taken apart (RFC 5322, MIME), however broken: headers, texts, files, and mails in them.

The parser of the standard library is used with its old policy: the new one parses headers when they
are read, and raises on hostile ones. Sizes, lines, parts and nesting are bounded before and while.
Attachments are hashed, never opened, but for mails in them.
"""

import binascii
import email.errors
import email.header
import email.message
import email.parser
import email.policy
import email.utils
import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import TypeVar

import msgspec

from tocsin.formats.links import text_of_html, urls_in, urls_in_html

MAX_LINES = 300_000
MAX_BOUNDARIES = 60
"""Beyond these a mail is not taken apart: only its headers are read."""
MAX_PARTS = 1_000
MAX_DEPTH = 12
MAX_MAILS = 20
"""Mails in one mail that are told of."""
MAX_HEADERS = 500
MAX_HEADER = 8 * 1024
MAX_LIST = 50
MAX_FILES = 100
TEXT_KEPT = 4_000
"""Characters of the text that are kept."""
_HEAD = 256 * 1024
_BROKEN = (
    email.errors.MessageError, ValueError, LookupError, TypeError, AttributeError, AssertionError,
    RecursionError,
)  # fmt: skip
"""What the standard library raises on broken mails (binascii.Error and UnicodeError among them)."""

T = TypeVar("T")


class File(msgspec.Struct, frozen=True):
    """An attachment: what it is called and what it is, by its hash."""

    name: str
    type: str
    size: int
    sha256: str


class Received(msgspec.Struct, frozen=True):
    """One hop, the latest first (RFC 5321, section 4.4)."""

    text: str
    host: str
    ip: str


class Verdict(msgspec.Struct, frozen=True):
    """What a server found (RFC 8601): `spf`, `dkim`, `dmarc` and the like."""

    method: str
    result: str


class Person(msgspec.Struct, frozen=True):
    """An address and the name before it."""

    address: str
    name: str


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """One mail. `mails` are those in it, `depth` 0 is the mail that was read."""

    depth: int
    how: str
    """`whole`, `attached` (as message/rfc822 or an .eml file) or `quoted` (in its text)."""
    sha256: str
    size: int
    message_id: str = ""
    date: str = ""
    subject: str = ""
    sender: tuple[Person, ...] = ()
    to: tuple[Person, ...] = ()
    cc: tuple[Person, ...] = ()
    reply_to: tuple[Person, ...] = ()
    resent_from: tuple[Person, ...] = ()
    return_path: str = ""
    received: tuple[Received, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    urls: tuple[str, ...] = ()
    files: tuple[File, ...] = ()
    text: str = ""
    problems: tuple[str, ...] = ()
    mails: "tuple[Mail, ...]" = ()


def read_mail(raw: bytes) -> Mail:
    """Take a mail apart; whatever is broken in it is told in `problems`. It never raises."""
    return _Reading().read(raw, 0, "whole")


class _Reading:
    """One mail and all in it, with what is left of the bounds."""

    def __init__(self) -> None:
        self._parts = MAX_PARTS
        self._mails = MAX_MAILS

    def read(self, raw: bytes, depth: int, how: str) -> Mail:
        problems: list[str] = []
        raw_read = raw
        if _too_much(raw):
            raw_read = raw[:_HEAD].partition(b"\r\n\r\n")[0].partition(b"\n\n")[0]
            problems.append("too-many-parts")
        parser = email.parser.BytesParser(policy=email.policy.compat32)
        message = _tried(lambda: parser.parsebytes(raw_read), None)
        if message is None:
            problems.append("unreadable")
            message = email.message.Message()
        digest = sha256(raw).hexdigest()
        return self._told(message, digest, len(raw), depth, how, problems)

    def _told(
        self, message: email.message.Message, digest: str, size: int, depth: int, how: str,
        problems: list[str],
    ) -> Mail:  # fmt: skip
        content = _Content()
        self._walk(message, depth, content)
        head = _Headers(message)
        if depth == 0 and not content.mails:
            quoted = _quoted(content.text)
            content.mails += [quoted] if quoted else []
        return Mail(
            depth=depth, how=how, sha256=digest, size=size,
            message_id=head.text("message-id").strip("<> "), date=head.text("date"),
            subject=head.text("subject"), sender=head.people("from"), to=head.people("to"),
            cc=head.people("cc"), reply_to=head.people("reply-to"),
            resent_from=head.people("resent-from"),
            return_path=head.text("return-path").strip("<> "),
            received=tuple(map(_hop, head.all("received"))),
            verdicts=tuple(_verdicts(head.all("authentication-results"))),
            urls=tuple(content.urls), files=tuple(content.files), text=content.text[:TEXT_KEPT],
            problems=tuple(dict.fromkeys(problems + content.problems)),
            mails=tuple(content.mails),
        )  # fmt: skip

    def _walk(self, top: email.message.Message, depth: int, content: "_Content") -> None:
        """All parts of one mail, but not those of mails in it."""
        waiting = [(top, 0)]
        while waiting:
            part, level = waiting.pop()
            self._parts -= 1
            if self._parts < 0 or level > MAX_DEPTH:
                content.problems.append("too-many-parts")
                return
            payload = part.get_payload()
            kind = part.get_content_type()
            if kind in ("message/rfc822", "message/global"):
                self._inner(part, depth, content)
            elif isinstance(payload, list):
                if kind.startswith("multipart/") or level == 0:
                    waiting += [
                        (one, level + 1) for one in reversed(payload[: self._parts + 1])
                        if isinstance(one, email.message.Message)
                    ]  # fmt: skip
            else:
                self._leaf(part, kind, depth, content)

    def _leaf(
        self, part: email.message.Message, kind: str, depth: int, content: "_Content"
    ) -> None:
        data = _tried(lambda: part.get_payload(decode=True), None)
        data = data if isinstance(data, bytes) else b""
        name = _clean(_name(part))
        if name.lower().endswith(".eml") and self._may_enter(depth, content):
            content.mails.append(self.read(data, depth + 1, "attached"))
        if kind in ("text/plain", "text/html") and not name:
            content.add_text(_decoded(part, data), html=kind == "text/html")
        elif data or name:
            content.add_file(File(name[:255], kind[:127], len(data), sha256(data).hexdigest()))

    def _inner(self, part: email.message.Message, depth: int, content: "_Content") -> None:
        """A message/rfc822 part, also one that was encoded although RFC 2046 forbids it."""
        payload = part.get_payload()
        inner = payload[0] if isinstance(payload, list) and payload else None
        if not isinstance(inner, email.message.Message) or not self._may_enter(depth, content):
            return
        encoding = str(part.get("content-transfer-encoding", "")).strip().lower()
        if encoding == "base64" and not inner.keys():
            data = _tried(lambda: binascii.a2b_base64(str(inner.get_payload())), b"")
            content.mails.append(self.read(data, depth + 1, "attached"))
            return
        raw = _tried(inner.as_bytes, b"")
        content.mails.append(
            self._told(inner, sha256(raw).hexdigest(), len(raw), depth + 1, "attached", [])
        )

    def _may_enter(self, depth: int, content: "_Content") -> bool:
        self._mails -= 1
        if self._mails < 0 or depth >= MAX_DEPTH:
            content.problems.append("too-many-mails")
            return False
        return True


class _Content:
    """What the parts of one mail hold."""

    def __init__(self) -> None:
        self.text = ""
        self.urls: list[str] = []
        self.files: list[File] = []
        self.mails: list[Mail] = []
        self.problems: list[str] = []

    def add_text(self, text: str, *, html: bool) -> None:
        """A part that is shown."""
        found = urls_in_html(text) if html else urls_in(text)
        self.urls = list(dict.fromkeys(self.urls + found))[:MAX_FILES]
        if len(self.text) < _HEAD and not (html and self.text.strip()):
            self.text += _clean(text_of_html(text) if html else text[:_HEAD])

    def add_file(self, file: File) -> None:
        """An attachment."""
        if len(self.files) < MAX_FILES:
            self.files.append(file)
        else:
            self.problems.append("too-many-files")


class _Headers:
    """The headers of one mail as text: raw ones are 8-bit, folded, encoded, and many."""

    def __init__(self, message: email.message.Message) -> None:
        self._found: dict[str, list[str]] = {}
        for number, (name, value) in enumerate(message.raw_items()):
            if number >= MAX_HEADERS:
                break
            self._found.setdefault(name.lower(), []).append(str(value)[:MAX_HEADER])

    def all(self, name: str) -> list[str]:
        """Every one of a name, decoded."""
        return [_unfolded(value) for value in self._found.get(name, ())[:MAX_LIST]]

    def text(self, name: str) -> str:
        """The first of a name."""
        return next(iter(self.all(name)), "")[:1024]

    def people(self, name: str) -> tuple[Person, ...]:
        """Addresses of a header."""
        values = [_clean(value) for value in self._found.get(name, ())[:MAX_LIST]]
        pairs = _addresses(values)
        return tuple(
            Person(address[:320].lower(), _unfolded(shown)[:256])
            for shown, address in pairs[:MAX_LIST]
            if address
        )


_NESTS = re.compile(rb"boundary\s{0,8}=|message/(?:rfc822|global)", re.IGNORECASE)


def _too_much(raw: bytes) -> bool:
    """Whether a mail would cost more than a mail should, to take it apart."""
    if sum(1 for _ in _NESTS.finditer(raw)) > MAX_BOUNDARIES:
        return True
    return raw.count(b"\n") + raw.count(b"\r") > 2 * MAX_LINES


def _tried(make: Callable[[], T], otherwise: T) -> T:
    """What the standard library makes of it, or something else where it breaks."""
    try:
        return make()
    except _BROKEN:
        return otherwise


def _name(part: email.message.Message) -> str:
    try:
        return part.get_filename() or ""
    except _BROKEN:
        return ""


def _decoded(part: email.message.Message, data: bytes) -> str:
    charset = _tried(part.get_content_charset, None) or "utf-8"
    return _tried(lambda: data.decode(charset, "replace"), data.decode("utf-8", "replace"))


def _unfolded(value: str) -> str:
    """A header's text: RFC 2047 words decoded, on one line."""
    plain = _clean(value)
    decoded = _tried(
        lambda: str(email.header.make_header(email.header.decode_header(plain))), plain
    )
    return " ".join(_clean(decoded).split())


def _clean(text: str) -> str:
    """Without what UTF-8 cannot hold; bytes that the parser smuggled through are tried as UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if _smuggled(
        text
    ) else text.encode("utf-8", "replace").decode()  # fmt: skip


def _smuggled(text: str) -> bool:
    return all(not "\ud800" <= c <= "\udfff" or "\udc80" <= c <= "\udcff" for c in text)


_FROM = re.compile(r"\bfrom\s+([^\s;()]{1,255})", re.IGNORECASE)
_IP = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f.:]{3,45})\]")


def _addresses(values: list[str]) -> list[tuple[str, str]]:
    nothing: list[tuple[str, str]] = []
    return _tried(lambda: email.utils.getaddresses(values), nothing)


def _hop(text: str) -> Received:
    host, ip = _FROM.search(text), _IP.search(text)
    return Received(text[:512], host[1].strip("[]") if host else "", ip[1] if ip else "")


_METHOD = re.compile(
    r"\b(spf|dkim|dmarc|arc|compauth)\s{0,4}=\s{0,4}([a-z]{2,12})\b", re.IGNORECASE
)


def _verdicts(headers: list[str]) -> Iterator[Verdict]:
    """Those of the first header: servers put theirs in front of what they were given."""
    for method, result in _METHOD.findall(headers[0] if headers else "")[:MAX_LIST]:
        yield Verdict(method.lower(), result.lower())


_MARK = re.compile(
    r"^[>\s]{0,8}(?:-{2,20}\s{0,4}(?:Forwarded message|Original Message|Weitergeleitete Nachricht|"
    r"Urspr\u00fcngliche Nachricht|Message transf\u00e9r\u00e9)\s{0,4}-{2,20}"
    r"|Begin forwarded message:)",
    re.IGNORECASE | re.MULTILINE,
)
_QUOTED_HEADER = re.compile(
    r"^[>\s*]{0,8}(From|Von|De|Subject|Betreff|Objet|Date|Sent|Gesendet|Datum|To|An|\u00c0)\*?"
    r"\s{0,2}:\*?[ \t]{0,8}([^\r\n]{1,1000})",
    re.IGNORECASE | re.MULTILINE,
)
_SAME = {
    "von": "from", "de": "from", "betreff": "subject", "objet": "subject", "sent": "date",
    "gesendet": "date", "datum": "date", "an": "to", "\u00e0": "to",
}  # fmt: skip


def _quoted(text: str) -> Mail | None:
    """The mail that a person forwarded in the text of their own; None without one."""
    mark = _MARK.search(text)
    if mark is None:
        return None
    inner = text[mark.end() :]
    found: dict[str, str] = {}
    for name, value in _QUOTED_HEADER.findall(inner[:4_000]):
        found.setdefault(_SAME.get(name.lower(), name.lower()), value.strip().strip("*"))
    if "from" not in found:
        return None
    data = inner.encode()
    return Mail(
        depth=1, how="quoted", sha256=sha256(data).hexdigest(), size=len(data),
        subject=found.get("subject", ""), date=found.get("date", ""),
        sender=_people(found["from"]), to=_people(found.get("to", "")),
        urls=tuple(urls_in(inner)), text=inner[:TEXT_KEPT],
    )  # fmt: skip


def _people(text: str) -> tuple[Person, ...]:
    plain = text.replace("[mailto:", "<").replace("]", ">")
    pairs = _addresses([plain])
    return tuple(Person(a[:320].lower(), n[:256]) for n, a in pairs[:MAX_LIST] if "@" in a)
