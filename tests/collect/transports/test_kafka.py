"""Kafka, against the cluster that librdkafka brings for tests; a real one is in integration."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from tests.collect.pulled import pulled, until
from tests.collect.spooling import LARGE, PARTITION, batch

from tocsin.collect.port import Checkpoint
from tocsin.collect.spool import Spool
from tocsin.collect.transports.kafka import config_of
from tocsin.errors import SettingsError
from tocsin.settings import KafkaInput, Secret
from tocsin.settings.fetching import Topic


@pytest.fixture
def broker() -> Iterator[str]:
    """Address of a cluster of one, which lives as long as the producer that brings it."""
    host = Producer({"bootstrap.servers": "-", "test.mock.num.brokers": 1, "log_level": 0})
    (first, *_) = host.list_topics(timeout=10).brokers.values()
    yield f"{first.host}:{first.port}"
    host.flush(1)


def produce(broker: str, topic: str, values: list[bytes | None], partition: int = 0) -> None:
    producer = Producer({"bootstrap.servers": broker, "log_level": 0})
    for value in values:
        producer.produce(topic, value, partition=partition)
    assert producer.flush(10) == 0


def committed(broker: str, topic: str) -> int:
    consumer = Consumer({"bootstrap.servers": broker, "group.id": "tocsin", "log_level": 0})
    try:
        (found,) = consumer.committed([TopicPartition(topic, 0)], timeout=10)
        return int(found.offset)
    finally:
        consumer.close()


def text(broker: str, limits: str = "") -> str:
    return f"""
        {limits}
        [[input]]
        kind = "kafka"
        servers = ["{broker}"]
        protocol = "plaintext"
        session_seconds = 6
        [[input.topics]]
        name = "logs"
        source = "okta_system_log"
        """


def test_offsets_follow_what_is_durable(tmp_path: Path, broker: str) -> None:
    produce(broker, "logs", [b'{"n": %d}' % n for n in range(100)] + [None, b"[" * 300, b"last"])
    # An edge died with 50 durable records of which the group knows nothing.
    (tmp_path / "spool").mkdir()
    with Spool(tmp_path / "spool", PARTITION, options=LARGE) as spool:
        note = Checkpoint("@kafka/logs/0", {"next": 50})
        spool.append(batch(b"before"), source_id=None, received_at=5, checkpoint=note)
        spool.sync()
    with pulled(tmp_path, text(broker)) as running:
        rows = running.wait(52)[1:]
        dead = running.wait(1, "dead")
        until(lambda: committed(broker, "logs") == 103)
        assert running.position("logs/0") == {"next": 103}
        # What was taken from the broker and is not durable is not committed at the end.
        running.held.set()
        produce(broker, "logs", [b"later"])
        until(lambda: running.puller._queue)
    assert {(row["origin"], row["source_id"]) for row in rows} == {
        ("kafka:logs/0", "okta_system_log")
    }
    assert [row["position"] for row in rows] == [*range(50, 100), 102]
    assert [(row["reason"], row["position"]) for row in dead] == [("too-deep", 101)]
    assert committed(broker, "logs") == 103


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"topics": ()}, "name its topics"),
        ({"protocol": "sasl_ssl"}, "needs `user` and `password`"),
        ({"protocol": "ssl", "user": "x"}, 'needs protocol = "sasl_ssl"'),
        (
            {"protocol": "sasl_plaintext", "user": "x", "password": Secret("file:p"),
             "mechanism": "PLAIN"},
            "would be readable on the way",
        ),
        ({"key": Secret("file:absent")}, "file:absent cannot be read"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_said(tmp_path: Path, settings: dict[str, object], says: str) -> None:
    (tmp_path / "p").write_text("secret")
    values = {"servers": ("broker.example:9092",), "topics": (Topic(name="t"),)} | settings
    with pytest.raises(SettingsError) as caught:
        config_of(KafkaInput(**values), tmp_path)  # type: ignore[arg-type]  # of the right types
    assert says in str(caught.value)


def test_secrets_are_resolved_where_they_are_used(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("hidden\n")
    one = KafkaInput(
        servers=("b:1",), topics=(Topic(name="t"),), protocol="sasl_ssl", user="me",
        password=Secret("file:p"), ca="ca.pem", certificate="me.pem", key=Secret("file:p"),
    )  # fmt: skip
    config = config_of(one, tmp_path)
    assert config["sasl.password"] == config["ssl.key.pem"] == "hidden"
    assert config["ssl.ca.location"] == str(tmp_path / "ca.pem")
    assert config["enable.auto.commit"] is False
