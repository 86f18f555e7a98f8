"""Kafka topics, read as a member of a consumer group.

An offset is committed once its record is durable in the spool, and never before. The spool itself
keeps how far each partition was read, in the frame that holds the records: where a kill came
between the two, the partition goes on from the later of both, and nothing is read twice. A
partition that is given to another member is first brought to rest: what was only queued is dropped
and read by the other, what is durable is committed.

Origin is `kafka:TOPIC/PARTITION`, position the offset: with them a record that the broker delivers
again is the same record.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tocsin.collect.addresses import is_local
from tocsin.collect.port import Checkpoint, Chunk
from tocsin.collect.pulling import Puller, beyond, pause_after
from tocsin.collect.secrets import secret_bytes
from tocsin.errors import SettingsError
from tocsin.formats.limits import Limits
from tocsin.formats.records import Block, RawBatch
from tocsin.model.envelope import BATCH_BYTES, BATCH_ROWS
from tocsin.model.ports import Clock
from tocsin.settings import KafkaInput

if TYPE_CHECKING:
    from pathlib import Path

    from confluent_kafka import Consumer, Message, TopicPartition

TAKE = 1_000
"""Messages taken from librdkafka at a time."""
WAIT = 0.2
"""Seconds for which the first of them is waited for."""
COMMIT_EVERY = 1.0
"""Seconds between two commits."""
REST_WITHIN = 5.0
"""Seconds for which a partition that goes elsewhere is waited for, until it is durable."""
CALM = 30.0
"""Seconds without an error after which it counts as over."""
ASK_WITHIN = 10.0
"""Seconds for an answer of the broker."""
_NEXT = "next"


class Kafka(Puller):
    """The transport."""

    def __init__(
        self,
        one: KafkaInput,
        config: dict[str, Any],
        limits: Limits,
        clock: Clock,
        ring: Callable[[], None],
    ) -> None:
        """`config` is librdkafka's, as `config_of` makes it."""
        super().__init__(one.name, clock, ring)
        self._config = config
        self._limits = limits
        self._sources = {topic.name: topic.source for topic in one.topics}
        self._lock = threading.Lock()
        self._owned: dict[str, int] = {}
        """Partition -> the number of the assignment with which it came here."""
        self._assignments = 0
        self._durable: dict[str, int] = {}
        """Partition -> the offset behind its last durable message."""
        self._told: dict[str, int] = {}
        """The same as the group knows it."""
        self._committed_at = 0.0
        self._failed_at = 0.0
        self._paused = False

    def resume(self, positions: Mapping[str, Any], refused: Mapping[str, Any]) -> None:
        """Note how far each partition is durable."""
        super().resume(positions, refused)
        self._durable = {key: found[_NEXT] for key, found in positions.items()}

    def kept(self, chunks: Sequence[Chunk]) -> None:
        """Note what can be committed, if the partition did not go and come meanwhile."""
        with self._lock:
            for chunk in chunks:
                key, position = chunk.checkpoint.key, chunk.checkpoint.position or {}
                if self._owned.get(key) == chunk.ticket:
                    self._durable[key] = position[_NEXT]

    def pull(self) -> None:
        """Read until it is time to end; a consumer that fails for good is made anew."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - slow to load

        failures = 0
        while not self.stopping.is_set():
            try:
                self._consume()
            except KafkaException as error:
                failures += 1
                self._on_error(error.args[0])
                self.stopping.wait(pause_after(failures))

    def _consume(self) -> None:
        from confluent_kafka import Consumer  # noqa: PLC0415 - slow to load

        consumer = Consumer(self._config | {"error_cb": self._on_error})
        try:
            consumer.subscribe(
                list(self._sources), on_assign=self._on_assign, on_revoke=self._on_revoke,
                on_lost=self._on_lost,
            )  # fmt: skip
            while not self.stopping.is_set():
                self._hold_back(consumer)
                self._take(consumer.consume(TAKE, WAIT))
                self._commit(consumer)
        finally:
            consumer.close()

    def _hold_back(self, consumer: "Consumer") -> None:
        """Take nothing more while the queue is full; the group still hears from this member."""
        full = self.full
        if full and not self._paused:
            consumer.pause(consumer.assignment())
        elif self._paused and not full:
            consumer.resume(consumer.assignment())
        self._paused = full

    def _take(self, messages: Sequence["Message"]) -> None:
        from confluent_kafka import KafkaException  # noqa: PLC0415 - slow to load

        good = []
        for message in messages:
            error = message.error()
            if error is None:
                good.append(message)
                continue
            self._on_error(error)
            if error.fatal():
                raise KafkaException(error)
        if good or self.clock.monotonic() - self._failed_at > CALM:
            self.troubles.over()
        good.sort(key=_key)
        for key, group in groupby(good, key=_key):
            if key in self._owned:
                self._queue_up(key, list(group))

    def _queue_up(self, key: str, messages: Sequence["Message"]) -> None:
        """Queue the messages of one partition, in batches; one without a value holds nothing."""
        origin = f"kafka:{key}"
        source = self._sources.get(messages[0].topic() or "")
        told = self.refused.get(key, {}).get(_NEXT, 0)
        batch, reached = RawBatch(), 0
        for message in messages:
            offset, raw = message.offset() or 0, message.value() or b""
            if len(batch) >= BATCH_ROWS or (batch.size and batch.size + len(raw) > BATCH_BYTES):
                self._give(key, source, batch, reached)
                batch = RawBatch()
            problem = beyond(self._limits, origin, offset, raw)
            if problem is None and raw:
                batch.add(Block(origin, [offset], [raw]))
            elif problem is not None and offset >= told:
                batch.problems.append(problem)
            reached = offset + 1
        self._give(key, source, batch, reached)

    def _give(self, key: str, source: str | None, batch: RawBatch, reached: int) -> None:
        note = Checkpoint(key, {_NEXT: reached})
        self.put(Chunk(batch, source, note, self._owned[key]), wait=False)

    def _commit(self, consumer: "Consumer", *, now: bool = False) -> None:
        """Commit what is durable: now and then, or `now`."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - slow to load

        at = self.clock.monotonic()
        if not now and at - self._committed_at < COMMIT_EVERY:
            return
        self._committed_at = at
        with self._lock:
            reached = {key: self._durable[key] for key in self._owned if key in self._durable}
        due = {key: to for key, to in reached.items() if self._told.get(key) != to}
        if not due:
            return
        try:
            consumer.commit(offsets=[_partition(*one) for one in due.items()], asynchronous=False)
        except KafkaException as error:  # told again with the next, or read again by the next
            self.troubles.counts["commit"] += 1
            if _is_fatal(error):
                raise
        else:
            self._told |= due

    # Called by librdkafka, in the thread of `consume` and `close`.

    def _on_assign(self, consumer: "Consumer", partitions: list["TopicPartition"]) -> None:
        """Go on behind what is committed or durable, whichever is further."""
        self._go_further(consumer, [one for one in partitions if _name(one) in self._durable])
        self._assignments += 1
        with self._lock:
            self._owned = dict.fromkeys(map(_name, partitions), self._assignments)
            for one in partitions:
                self._told.pop(_name(one), None)
                if one.offset < 0:
                    self._durable.pop(_name(one), None)
        consumer.assign(partitions)
        self._paused = False

    def _go_further(self, consumer: "Consumer", known: list["TopicPartition"]) -> None:
        """Set where partitions begin of which something is durable here."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - slow to load

        theirs: dict[str, int] = {}
        if known:
            try:
                committed = consumer.committed(known, timeout=ASK_WITHIN)
                theirs = {_name(one): one.offset for one in committed}
            except KafkaException as error:
                self._on_error(error.args[0])
        for one in known:
            key = _name(one)
            if self._durable[key] > theirs.get(key, 0) and self._is_there(consumer, one):
                one.offset = self._durable[key]

    def _on_revoke(self, consumer: "Consumer", partitions: list["TopicPartition"]) -> None:
        """Drop what is queued, wait for what was given, and commit what is durable."""
        keys = set(map(_name, partitions))
        self.drop(keys)
        self.settle(keys, REST_WITHIN)
        self._commit(consumer, now=True)
        self._let_go(consumer, keys)

    def _on_lost(self, consumer: "Consumer", partitions: list["TopicPartition"]) -> None:
        """They are another's already: commit nothing of them."""
        keys = set(map(_name, partitions))
        self.drop(keys)
        self._let_go(consumer, keys)

    def _let_go(self, consumer: "Consumer", keys: set[str]) -> None:
        with self._lock:
            self._owned = {key: at for key, at in self._owned.items() if key not in keys}
        consumer.unassign()

    def _on_error(self, error: Any) -> None:
        self._failed_at = self.clock.monotonic()
        self.troubles.note(_reason(error), _said(error))

    def _is_there(self, consumer: "Consumer", one: "TopicPartition") -> bool:
        """Whether the partition reaches so far; one that was made anew begins at its beginning."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - slow to load

        try:
            found = consumer.get_watermark_offsets(one, timeout=ASK_WITHIN)
        except KafkaException:
            return True
        return self._durable[_name(one)] <= found[1]


def config_of(one: KafkaInput, folder: "Path") -> dict[str, Any]:
    """What librdkafka is configured with, secrets resolved; relative files are of `folder`.

    Raises SettingsError when something lacks or would send a password in the clear.
    """
    if not one.topics:
        raise SettingsError(f"input {one.name}: name its topics with [[input.topics]]")
    local = all(is_local(server.rpartition(":")[0]) for server in one.servers)
    config: dict[str, Any] = {
        "bootstrap.servers": ",".join(one.servers),
        "group.id": one.group,
        "client.id": f"tocsin-{one.name}",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": one.start,
        "session.timeout.ms": one.session_seconds * 1000,
        "security.protocol": one.protocol,
        "queued.max.messages.kbytes": 16 * 1024,
        "allow.auto.create.topics": False,
        "topic.metadata.refresh.interval.ms": 10_000,
        "log_level": 0,
    }
    if one.protocol.startswith("sasl"):
        if not one.user or one.password is None:
            raise SettingsError(f"input {one.name}: {one.protocol} needs `user` and `password`")
        if one.protocol == "sasl_plaintext" and one.mechanism == "PLAIN" and not local:
            raise SettingsError(
                f"input {one.name}: the password would be readable on the way; set sasl_ssl"
            )
        config["sasl.mechanism"] = one.mechanism
        config["sasl.username"] = one.user
        config["sasl.password"] = secret_bytes(one.password, folder).decode()
    elif one.user or one.password is not None:
        raise SettingsError(f'input {one.name}: a user needs protocol = "sasl_ssl"')
    return config | _tls(one, folder)


def _tls(one: KafkaInput, folder: "Path") -> dict[str, str]:
    found = {}
    if one.ca is not None:
        found["ssl.ca.location"] = str(folder / one.ca)
    if one.certificate is not None:
        found["ssl.certificate.location"] = str(folder / one.certificate)
    if one.key is not None:
        found["ssl.key.pem"] = secret_bytes(one.key, folder).decode()
    return found


def _name(one: "TopicPartition") -> str:
    return f"{one.topic}/{one.partition}"


def _key(message: "Message") -> str:
    return f"{message.topic()}/{message.partition()}"


def _partition(key: str, at: int) -> "TopicPartition":
    from confluent_kafka import TopicPartition  # noqa: PLC0415 - slow to load

    topic, _, number = key.rpartition("/")
    return TopicPartition(topic, int(number), at)


_AUTH = {"_AUTHENTICATION", "SASL_AUTHENTICATION_FAILED", "TOPIC_AUTHORIZATION_FAILED",
         "GROUP_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED"}  # fmt: skip


def _is_fatal(error: Any) -> bool:
    return bool(error.args[0].fatal())


def _reason(error: Any) -> str:
    """A stable word for an error of librdkafka."""
    if error.name() in _AUTH:
        return "denied"
    if error.name() in ("UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC", "_UNKNOWN_PARTITION"):
        return "no-topic"
    return "broker"


def _said(error: Any) -> str:
    """Its own text, on one line."""
    return " ".join(str(error.str()).split())[:300]
