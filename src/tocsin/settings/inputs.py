"""`[[input]]`: the ways in for telemetry, one type for each `kind`.

A new kind is one more struct here, with its tag, in `Input`; the reference and the errors about
unknown keys follow from it.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tocsin.settings.fetching import KafkaInput, MailboxInput, RestInput
from tocsin.settings.naming import Name, Source
from tocsin.settings.secret import Secret


class FilesInput(msgspec.Struct, frozen=True, kw_only=True, tag="files", tag_field="kind"):
    """One thing to read. Each `[[input]]` adds one."""

    path: Annotated[
        str, Meta(description="A file, a folder, or `folder/*.json`: `*` only in the last part.")
    ]
    follow: Annotated[
        bool, Meta(description="Go on reading what is appended or added later, or read once.")
    ] = True
    source: Source = None


class Listener(msgspec.Struct, frozen=True, kw_only=True):
    """What every input that listens for connections has."""

    name: Name
    listen: Annotated[
        str, Meta(description="Address and port; `127.0.0.1` keeps it to this machine.")
    ]
    certificate: Annotated[
        str | None, Meta(description="A file in PEM form: TLS is spoken, and nothing else.")
    ] = None
    key: Annotated[
        Secret | None, Meta(description="Its private key, when the certificate's file has none.")
    ] = None
    client_ca: Annotated[
        str | None,
        Meta(description="A file in PEM form: only clients with a certificate of it may connect."),
    ] = None
    connections: Annotated[
        int, Meta(ge=1, le=65_536, description="So many at once; more are turned away.")
    ] = 1_024
    idle_seconds: Annotated[
        int, Meta(ge=1, le=86_400, description="A connection on which nothing comes is closed.")
    ] = 300


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """Who may send over HTTP. Each `[[input.tokens]]` adds one.

    It is a HEC token, an Elasticsearch API key (`id:secret`), a password, or a bearer token.
    """

    name: Annotated[
        str,
        Meta(
            pattern="^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$",
            description="What its records are known by: `hec:NAME`; also the user of a password.",
        ),
    ]
    secret: Annotated[Secret, Meta(description="`env:NAME` or `file:/path`.")]
    source: Source = None
    ack: Annotated[
        bool,
        Meta(description="HEC's `useACK`: answer at once, tell by `/ack` what is durable."),
    ] = False


class Hook(msgspec.Struct, frozen=True, kw_only=True):
    """A sender of signed webhooks. Each `[[input.hooks]]` adds one, at `/hooks/NAME`."""

    name: Annotated[
        str,
        Meta(pattern="^[a-z0-9][a-z0-9_-]{0,62}$", description="The last part of its address."),
    ]
    secret: Annotated[Secret, Meta(description="What signs, or the value that must be sent.")]
    scheme: Annotated[
        Literal["github", "slack", "hmac", "bearer"],
        Meta(description="How it proves itself; `bearer` sends the secret (Okta event hooks)."),
    ] = "hmac"
    header: Annotated[
        str, Meta(description="`hmac`: the header with the signature in hexadecimal.")
    ] = "X-Signature-256"
    timestamp_header: Annotated[
        str,
        Meta(description="`hmac`: the header with seconds since 1970; signed is `TIME.BODY`."),
    ] = ""
    window_seconds: Annotated[
        int,
        Meta(ge=1, le=86_400, description="An older signature is a replay; so is a repeated one."),
    ] = 300
    source: Source = None


class HttpInput(Listener, frozen=True, kw_only=True, tag="http", tag_field="kind"):
    """Splunk HEC, Elasticsearch `_bulk`, OTLP logs and webhooks, on one port."""

    name: Name = "http"
    listen: Annotated[
        str, Meta(description="Address and port; `127.0.0.1` keeps it to this machine.")
    ] = "127.0.0.1:8088"
    accept: Annotated[
        tuple[Literal["hec", "bulk", "otlp", "webhook"], ...],
        Meta(description="What is spoken."),
    ] = ("hec", "bulk", "otlp", "webhook")
    request_bytes: Annotated[
        int, Meta(ge=1024, le=1024**3, description="Bytes of one request, unpacked.")
    ] = 64 * 1024 * 1024
    tokens: tuple[Token, ...] = ()
    hooks: tuple[Hook, ...] = ()


class SyslogInput(Listener, frozen=True, kw_only=True, tag="syslog", tag_field="kind"):
    """Syslog over UDP, TCP or TLS, in all its framings."""

    name: Name = "syslog"
    listen: Annotated[
        str, Meta(description="Address and port; `127.0.0.1` keeps it to this machine.")
    ] = "127.0.0.1:5514"
    protocol: Annotated[
        Literal["udp", "tcp"], Meta(description="TCP with a certificate is TLS.")
    ] = "udp"
    buffer_bytes: Annotated[
        int, Meta(ge=4096, le=1024**3, description="UDP: what the kernel holds (SO_RCVBUF).")
    ] = 32 * 1024 * 1024
    source: Source = None


class RelpInput(Listener, frozen=True, kw_only=True, tag="relp", tag_field="kind"):
    """RELP, the acknowledged syslog of rsyslog; with a certificate over TLS."""

    name: Name = "relp"
    listen: Annotated[
        str, Meta(description="Address and port; `127.0.0.1` keeps it to this machine.")
    ] = "127.0.0.1:2514"
    source: Source = None


Input = FilesInput | HttpInput | SyslogInput | RelpInput | KafkaInput | RestInput | MailboxInput
