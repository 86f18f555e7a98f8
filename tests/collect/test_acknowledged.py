"""What was acknowledged is in the spool, wherever the process died, for each way that answers."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from tests.collect.pushing import Edge
from tests.collect.spooling import read_all

RECEIVER = """
import sys
from pathlib import Path
from tests.collect.pushing import edge
root = Path(sys.argv[1])
http = '[[input]]\\nkind = "http"\\nlisten = "127.0.0.1:0"\\n' \\
    '[[input.hooks]]\\nname = "h"\\nscheme = "bearer"\\nsecret = "env:HOOK"\\n' \\
    '[[input.tokens]]\\nname = "t"\\nsecret = "env:HOOK"\\n' \\
    '[[input.tokens]]\\nname = "s"\\nsecret = "env:SURE"\\nack = true\\n'
relp = '[[input]]\\nkind = "relp"\\nlisten = "127.0.0.1:0"\\n'
with edge(root / "http", http, start=False) as one, edge(root / "relp", relp, start=False) as two:
    print(one.port, two.port, flush=True)
    while True:
        one.runner.step()
        two.runner.step()
"""
HOOK = {"Authorization": "Bearer abc"}
OPEN = b"1 open 15 commands=syslog\n"


class Sender(Edge):
    """Requests to a port of another process."""

    def __init__(self, port: int) -> None:
        self.at = port

    @property
    def port(self) -> int:
        return self.at


def hec(sender: Sender, text: str) -> bool:
    body = json.dumps({"event": text})
    return sender.ask("POST", "/services/collector/event", body, **HOOK)[0] == 200


def hec_ack(sender: Sender, text: str) -> bool:
    sure = {"Authorization": "Splunk sure", "X_Splunk_Request_Channel": "c"}
    body = json.dumps({"event": text})
    status, answer = sender.ask("POST", "/services/collector/event", body, **sure)
    asked = json.dumps({"acks": [answer["ackId"]]}) if status == 200 else "{}"
    for _ in range(200):
        answer = sender.ask("POST", "/services/collector/ack", asked, **sure)[1]
        if any(answer["acks"].values()):
            return True
    return False


def bulk(sender: Sender, text: str) -> bool:
    body = '{"create": {}}\n' + json.dumps({"message": text}) + "\n"
    answer = sender.ask("POST", "/_bulk", body, **HOOK)[1]
    return [item["create"]["status"] for item in answer["items"]] == [201]


def otlp(sender: Sender, text: str) -> bool:
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    records.add().body.string_value = text
    kind = {"Content_Type": "application/x-protobuf"}
    body = request.SerializeToString()
    return sender.ask("POST", "/v1/logs", body, **HOOK, **kind)[0] == 200


def webhook(sender: Sender, text: str) -> bool:
    return sender.ask("POST", "/hooks/h", json.dumps({"n": text}), **HOOK)[0] == 200


def relp(sender: Sender, text: str) -> bool:
    with socket.create_connection(("127.0.0.1", sender.port), timeout=10) as connection:
        file = connection.makefile("rb")
        connection.sendall(OPEN)
        while file.readline() != b"commands=syslog\n":
            pass
        message = text.encode()
        connection.sendall(b"2 syslog %d %s\n" % (len(message), message))
        return file.readline() == b"2 rsp 6 200 OK\n"


def texts() -> Iterator[str]:
    for number in range(1_000):
        yield f"event-{number:04}-"


@pytest.mark.parametrize("point", ["spool.appended:20", "spool.synced:20"])
def test_what_was_acknowledged_survives(tmp_path: Path, repo: Path, point: str) -> None:
    receiver = subprocess.Popen(
        [sys.executable, "-c", RECEIVER, str(tmp_path)],
        env={**os.environ, "TOCSIN_CRASH_AT": point, "PYTHONPATH": str(repo),
             "HOOK": "abc", "SURE": "sure"},
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert receiver.stdout is not None
    web, lines = (Sender(int(port)) for port in receiver.stdout.readline().split())
    ways = [(hec, web), (bulk, web), (otlp, web), (webhook, web), (hec_ack, web), (relp, lines)]
    acknowledged: list[str] = []
    try:
        for number, text in enumerate(texts()):
            way, sender = ways[number % len(ways)]
            if way(sender, text):
                acknowledged.append(text)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    assert receiver.wait(timeout=20) == -9, "it was to be killed"
    receiver.stdout.close()
    stored = b"\n".join(
        raw for name in ("http", "relp") for _, raw in read_all(tmp_path / name / "spool")
    )
    assert len(acknowledged) >= 18
    assert [text for text in acknowledged if text.encode() not in stored] == []
