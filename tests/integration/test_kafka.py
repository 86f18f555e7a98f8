"""A real broker, a real producer, and a service that is killed while another consumer comes."""

import threading
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from tests.integration.kafka import kafka_broker, make_topic
from tests.integration.service import Service
from tests.integration.test_senders import line, wait

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

GROUP = "soc"
COUNT = 12_000


def produce(address: str, first: int, count: int, pause: float) -> None:
    producer = Producer({"bootstrap.servers": address, "enable.idempotence": True})
    for number in range(first, first + count):
        producer.produce("logs", line(number), partition=number % 4)
        if number % 100 == 0:
            producer.flush(10)
            time.sleep(pause)
    assert producer.flush(30) == 0


def committed(address: str) -> int:
    consumer = Consumer({"bootstrap.servers": address, "group.id": GROUP})
    try:
        parts = consumer.committed([TopicPartition("logs", n) for n in range(4)], timeout=10)
        return sum(max(part.offset, 0) for part in parts)
    finally:
        consumer.close()


def visit(address: str, seconds: float) -> list[str]:
    """Another member of the group, for a while; what it read and committed."""
    consumer = Consumer(
        {"bootstrap.servers": address, "group.id": GROUP, "enable.auto.commit": False,
         "auto.offset.reset": "earliest", "session.timeout.ms": 6000}
    )  # fmt: skip
    consumer.subscribe(["logs"])
    found, deadline = [], time.monotonic() + seconds
    while time.monotonic() < deadline:
        for message in consumer.consume(100, 0.2):
            if message.error() is None:
                found.append((message.value() or b"").decode())
                consumer.commit(message, asynchronous=False)
    consumer.close()
    return found


def test_kills_and_rebalances_lose_and_double_nothing(service: Service, tmp_path: Path) -> None:
    with kafka_broker(tmp_path / "broker") as address:
        make_topic(address, "logs", 4)
        service.prepare()
        with (service.folder / "tocsin.toml").open("a") as settings:
            settings.write(
                f'[[input]]\nkind = "kafka"\nservers = ["{address}"]\ngroup = "{GROUP}"\n'
                'protocol = "plaintext"\nsession_seconds = 6\n[[input.topics]]\nname = "logs"\n'
            )
        service.start()
        feeding = threading.Thread(target=produce, args=(address, 0, COUNT, 0.2))
        feeding.start()
        for part in ("edge", "core", "edge"):
            time.sleep(2.0)
            service.kill_part(part)
        # What the killed edge had stored and not committed, another consumer would read as well:
        # the visitor comes once the service is back in the group.
        before = committed(address)
        wait(service, lambda: committed(address) > before)
        elsewhere = visit(address, 10.0)
        feeding.join()
        everything = {line(number) for number in range(COUNT)}

        def done() -> bool:
            return {raw.decode() for raw in service.stored()} | set(elsewhere) == everything

        wait(service, done, 120)
        stored = {raw.decode(): n for raw, n in service.stored().items()}
        assert set(stored.values()) == {1}
        assert not set(stored) & set(elsewhere)
        wait(service, lambda: committed(address) == COUNT, 30)
        assert 0 < len(elsewhere) == len(set(elsewhere))
        service.stop()
