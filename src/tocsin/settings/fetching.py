"""Kinds of `[[input]]` that Tocsin fetches from: Kafka, REST interfaces, a mailbox."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tocsin.settings.naming import Name, Source
from tocsin.settings.secret import Secret


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """A topic of Kafka. Each `[[input.topics]]` adds one."""

    name: Annotated[
        str, Meta(pattern="^[A-Za-z0-9._-]{1,249}$", description="The name of the topic.")
    ]
    source: Source = None


class KafkaInput(msgspec.Struct, frozen=True, kw_only=True, tag="kafka", tag_field="kind"):
    """Topics of Kafka; offsets are committed once the records are on disk."""

    name: Name = "kafka"
    servers: Annotated[
        tuple[str, ...], Meta(min_length=1, description="`host:port` of brokers to begin with.")
    ]
    group: Annotated[str, Meta(min_length=1, max_length=249, description="The consumer group.")] = (
        "tocsin"
    )
    topics: tuple[Topic, ...] = ()
    start: Annotated[
        Literal["earliest", "latest"],
        Meta(description="Where a partition begins for which nothing was committed yet."),
    ] = "earliest"
    protocol: Annotated[
        Literal["ssl", "sasl_ssl", "plaintext", "sasl_plaintext"],
        Meta(description="How the brokers are spoken to; `plaintext` protects nothing."),
    ] = "ssl"
    mechanism: Annotated[
        Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"],
        Meta(description="How the user is proven, with `sasl_...`."),
    ] = "SCRAM-SHA-512"
    user: Annotated[str, Meta(description="Who asks, with `sasl_...`.")] = ""
    password: Annotated[Secret | None, Meta(description="`env:NAME` or `file:/path`.")] = None
    ca: Annotated[
        str | None,
        Meta(description="A file in PEM form: the authority of the brokers' certificates."),
    ] = None
    certificate: Annotated[
        str | None, Meta(description="A file in PEM form: the certificate that is shown to them.")
    ] = None
    key: Annotated[Secret | None, Meta(description="Its private key.")] = None
    session_seconds: Annotated[
        int,
        Meta(ge=6, le=300, description="Without a sign for so long, others get its partitions."),
    ] = 45


class RestInput(msgspec.Struct, frozen=True, kw_only=True, tag="rest", tag_field="kind"):
    """A REST interface that is asked for records; how is declared in `pollers/`."""

    name: Name = "rest"
    poller: Annotated[str, Meta(description="The id of the declaration in `pollers/`.")]
    url: Annotated[
        str, Meta(description="Where the interface is, when the declaration does not say.")
    ] = ""
    secret: Annotated[
        Secret, Meta(description="The token, or the secret of the client: `env:NAME`, `file:PATH`.")
    ]
    client: Annotated[str, Meta(description="OAuth: the id of the client (application).")] = ""
    token_url: Annotated[
        str, Meta(description="OAuth: where tokens are given, when it is elsewhere than declared.")
    ] = ""
    parameters: Annotated[
        tuple[str, ...],
        Meta(description='What the declaration leaves open, as `["tenant=0f3c", "org=acme"]`.'),
    ] = ()
    ca: Annotated[
        str | None, Meta(description="A file in PEM form: the authority of the server's name.")
    ] = None
    interval_seconds: Annotated[
        int, Meta(ge=0, le=86_400, description="Seconds between two rounds; 0: as declared.")
    ] = 0
    first_hours: Annotated[
        int, Meta(ge=0, le=8_760, description="How far back the first round goes.")
    ] = 24


class MailboxInput(msgspec.Struct, frozen=True, kw_only=True, tag="imap", tag_field="kind"):
    """A mailbox to which people report phishing."""

    name: Name = "imap"
    host: Annotated[str, Meta(min_length=1, description="The server.")]
    port: Annotated[int, Meta(ge=1, le=65_535, description="Its port.")] = 993
    tls: Annotated[
        Literal["imaps", "starttls", "none"],
        Meta(description="How the way there is protected; `none` only on this machine."),
    ] = "imaps"
    ca: Annotated[
        str | None, Meta(description="A file in PEM form: the authority of the server's name.")
    ] = None
    user: Annotated[str, Meta(min_length=1, description="Who reads.")]
    password: Annotated[Secret, Meta(description="`env:NAME` or `file:/path`.")]
    folder: Annotated[str, Meta(min_length=1, description="The folder to read.")] = "INBOX"
    interval_seconds: Annotated[
        int, Meta(ge=1, le=86_400, description="Seconds between two looks.")
    ] = 30
    message_bytes: Annotated[
        int,
        Meta(ge=65_536, le=64 * 1024 * 1024, description="A larger mail is read to here only."),
    ] = 16 * 1024 * 1024
