"""A real Kafka broker: its own Maven artifact, one node on loopback."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic
from tests.integration.service import free_port

VERSION = "3.9.1"
WITHIN = 300
"""Seconds that fetching the artifact may take."""
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>site</groupId><artifactId>broker</artifactId><version>1</version><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
<version>{VERSION}</version></dependency></dependencies></project>
"""


def _classpath() -> Path:
    """The folder of the broker's jars; skips the test where they cannot be had."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            pytest.skip(f"a Kafka broker needs {program}, which is not there")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = home / "tocsin-tests" / f"kafka-{VERSION}"
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pom.xml").write_text(_POM)
        command = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=WITHIN, check=False
            )
        except subprocess.TimeoutExpired:
            pytest.skip("the Maven registry did not answer in time")
        if done.returncode:
            pytest.skip(f"the Maven registry is not reached: {done.stdout.strip()[-300:]}")
        (folder / "done").touch()
    return folder / "lib"


@contextmanager
def kafka_broker(folder: Path) -> Iterator[str]:
    """Run a broker; gives `host:port`."""
    lib = _classpath()
    folder.mkdir()
    port, control = free_port(), free_port()
    settings = folder / "server.properties"
    settings.write_text(
        f"""process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{control}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{control}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={folder}/log
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=1
"""
    )
    java = ["java", "-Xmx384m", "-XX:TieredStopAtLevel=1", "-cp", f"{lib}/*"]
    with (folder / "out.log").open("wb") as out:
        form = ["kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qk"]
        subprocess.run([*java, *form, "-c", settings], stdout=out, stderr=out, check=True)
        running = subprocess.Popen([*java, "kafka.Kafka", settings], stdout=out, stderr=out)
        try:
            _wait(f"127.0.0.1:{port}")
            yield f"127.0.0.1:{port}"
        finally:
            running.terminate()
            try:
                running.wait(timeout=20)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def _wait(address: str) -> None:
    """Until the broker answers."""
    admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
    deadline = time.monotonic() + 60
    while True:
        try:
            admin.list_topics(timeout=2)
        except KafkaException:
            assert time.monotonic() < deadline, "the broker does not answer"
        else:
            return


def make_topic(address: str, name: str, partitions: int) -> None:
    """Make a topic."""
    admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
    admin.create_topics([NewTopic(name, partitions, 1)])[name].result(timeout=30)
