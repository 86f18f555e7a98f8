"""The ways in by which a test event can be sent: as an outsider would, over what is configured."""

import hashlib
import hmac
import http.client
import os
import secrets
import socket
import ssl
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import orjson

from tocsin.app.site import Site
from tocsin.collect.addresses import parse_listen
from tocsin.collect.secrets import secret_bytes
from tocsin.errors import InputError, UsageError
from tocsin.settings import FilesInput, HttpInput, SyslogInput
from tocsin.settings import Listener as Listens
from tocsin.settings.inputs import Hook, Token

SECONDS = 10.0
"""How long a connection and an answer may take."""
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


class Way(NamedTuple):
    """A way in. `send` takes a record and the test's marker and tells what was done.

    `source` is what the input declares of its records; `sure` says that an answer means durable.
    """

    name: str
    kind: str
    source: str | None
    send: Callable[[bytes, str], str]
    sure: bool = False


def ways(site: Site) -> Iterator[Way]:
    """Every configured way over which a test can be sent, in the order of the settings."""
    folder = site.folder or Path()
    for one in site.settings.input:
        if isinstance(one, FilesInput) and one.follow:
            yield Way(one.path, "file", one.source, _File(folder / one.path))
        elif isinstance(one, HttpInput):
            yield from _http(one, folder)
        elif isinstance(one, SyslogInput) and one.client_ca is None:
            yield Way(one.name, "syslog", one.source, _Syslog(one, folder))


def _http(one: HttpInput, folder: Path) -> Iterator[Way]:
    if one.client_ca is not None:
        return
    if "hec" in one.accept:
        for token in one.tokens:
            yield Way(
                f"{one.name}/{token.name}", "HEC", token.source, _Hec(one, token, folder), sure=True
            )
    if "webhook" in one.accept:
        for hook in one.hooks:
            name = f"{one.name}/{hook.name}"
            yield Way(name, "webhook", hook.source, _Webhook(one, hook, folder), sure=True)


def fitting(site: Site, source_id: str, wanted: str | None) -> Way:
    """The way that is wanted, else the first that takes records of the source; or UsageError."""
    every = list(ways(site))
    named = [way for way in every if wanted in (None, way.name, way.name.partition("/")[0])]
    found = [way for way in named if way.source in (None, source_id)]
    if found:
        return found[0]
    if named:
        whose = ", ".join(sorted({str(way.source) for way in named}))
        raise UsageError(f"the inputs {whose} are declared for do not take records of {source_id}")
    if wanted is not None and every:
        raise UsageError(f"no input {wanted}; there are: {', '.join(way.name for way in every)}")
    raise UsageError(
        "no input is configured over which a test can be sent: a followed file or folder, HEC, "
        "syslog, or a webhook without client certificates"
    )


class _File:
    """Appends to the file; puts a file of its own into a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, raw: bytes, marker: str) -> str:
        path = self._path
        if "*" in path.name:
            path = path.parent / _named_like(path.name, marker)
        elif path.is_dir():
            path = path / f"{marker}.log"
        try:
            return self._append(path, raw)
        except OSError as error:
            raise InputError("not-written", f"{path}: {error.strerror or error}") from error

    def _append(self, path: Path, raw: bytes) -> str:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        handle = os.open(path, flags, 0o644)
        try:
            size = os.fstat(handle).st_size
            broken = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            os.write(handle, b"\n" * broken + raw + b"\n")
        finally:
            os.close(handle)
        return f"appended to {path}" if size else f"written to {path}"


def _named_like(pattern: str, marker: str) -> str:
    """A name that a pattern takes; raises UsageError when it takes none with the marker in it."""
    name = pattern.replace("*", marker, 1).replace("*", "")
    if not fnmatch(name, pattern):
        raise UsageError(f"no file name for a test fits {pattern}: name a folder or file instead")
    return name


def _target(one: Listens) -> tuple[str, int]:
    host, port = parse_listen(one.name, one.listen)
    return _EVERYWHERE.get(host, host), port


def _context(one: Listens, folder: Path) -> ssl.SSLContext | None:
    """What trusts this listener's own certificate, whatever name it is for."""
    if one.certificate is None:
        return None
    context = ssl.create_default_context(cafile=str(folder / one.certificate))
    context.check_hostname = False
    return context


class _Request:
    """One HTTP request to a listener of this site."""

    def __init__(self, one: HttpInput, folder: Path) -> None:
        self._one, self._folder = one, folder

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> str:
        """The answer in words; raises InputError unless it is one of the 200s."""
        host, port = _target(self._one)
        context = _context(self._one, self._folder)
        connection = (
            http.client.HTTPConnection(host, port, timeout=SECONDS)
            if context is None
            else http.client.HTTPSConnection(host, port, timeout=SECONDS, context=context)
        )
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            said = answer.read(500).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise InputError("not-sent", f"{host}:{port}: {error}") from error
        finally:
            connection.close()
        if answer.status // 100 != 2:  # noqa: PLR2004 - the 200s
            raise InputError("refused", f"{host}:{port}{path} answered {answer.status}: {said}")
        return f"{host}:{port}{path} answered {answer.status}"


class _Hec(_Request):
    """An event over HEC."""

    def __init__(self, one: HttpInput, token: Token, folder: Path) -> None:
        super().__init__(one, folder)
        self._token = token

    def __call__(self, raw: bytes, _marker: str) -> str:
        secret = secret_bytes(self._token.secret, self._folder).decode("latin-1")
        try:
            event = orjson.loads(raw)
        except orjson.JSONDecodeError:
            event = raw.decode("utf-8", "replace")
        headers = {"Authorization": f"Splunk {secret}", "X-Splunk-Request-Channel": _channel()}
        return self.post("/services/collector/event", orjson.dumps({"event": event}), headers)


def _channel() -> str:
    """A channel of its own, in the form of a GUID."""
    text = secrets.token_hex(16)
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


class _Webhook(_Request):
    """A signed request to a hook."""

    def __init__(self, one: HttpInput, hook: Hook, folder: Path) -> None:
        super().__init__(one, folder)
        self._hook = hook

    def __call__(self, raw: bytes, _marker: str) -> str:
        return self.post(f"/hooks/{self._hook.name}", raw, self._headers(raw))

    def _headers(self, body: bytes) -> dict[str, str]:
        from tocsin.app.clock import SystemClock  # noqa: PLC0415  # only hooks sign a time

        hook = self._hook
        secret = secret_bytes(hook.secret, self._folder)
        at = str(SystemClock().now() // 1_000_000)
        if hook.scheme == "bearer":
            return {"Authorization": f"Bearer {secret.decode('latin-1')}"}
        if hook.scheme == "slack":
            signed = _hmac(secret, b"v0:" + at.encode() + b":" + body)
            return {"X-Slack-Signature": f"v0={signed}", "X-Slack-Request-Timestamp": at}
        if hook.scheme == "github":
            return {"X-Hub-Signature-256": f"sha256={_hmac(secret, body)}"}
        if not hook.timestamp_header:
            return {hook.header: _hmac(secret, body)}
        signed = _hmac(secret, at.encode() + b"." + body)
        return {hook.header: signed, hook.timestamp_header: at}


def _hmac(secret: bytes, text: bytes) -> str:
    return hmac.new(secret, text, hashlib.sha256).hexdigest()


class _Syslog:
    """A line of syslog; over TCP and TLS with its length before it (RFC 6587, 3.4.1)."""

    def __init__(self, one: SyslogInput, folder: Path) -> None:
        self._one, self._folder = one, folder

    def __call__(self, raw: bytes, _marker: str) -> str:
        host, port = _target(self._one)
        try:
            if self._one.protocol == "udp":
                family = socket.AF_INET6 if ":" in host else socket.AF_INET
                with socket.socket(family, socket.SOCK_DGRAM) as sender:
                    sender.sendto(raw, (host, port))
            else:
                self._stream(host, port, raw)
        except OSError as error:
            raise InputError("not-sent", f"{host}:{port}: {error}") from error
        return f"sent to {host}:{port} over {self._one.protocol.upper()}"

    def _stream(self, host: str, port: int, raw: bytes) -> None:
        context = _context(self._one, self._folder)
        framed = str(len(raw)).encode() + b" " + raw
        with socket.create_connection((host, port), timeout=SECONDS) as plain:
            if context is None:
                plain.sendall(framed)
                return
            with context.wrap_socket(plain) as wrapped:
                wrapped.sendall(framed)
