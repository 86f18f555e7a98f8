"""A TAXII 2.1 server by others (medallion), with one collection to publish in."""

import json
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from tests.integration.service import free_port

USER, PASSWORD = "tocsin", "a-secret-of-the-test"
COLLECTION = "91a7b528-80eb-42ed-a74d-c6fbd5a26116"
MEDIA = "application/taxii+json;version=2.1"


class Server:
    """A running server."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/taxii2/"
        self._objects = f"http://127.0.0.1:{port}/trial/collections/{COLLECTION}/objects/"

    def publish(self, *objects: dict[str, Any]) -> None:
        """Add objects to the collection."""
        self.ask(self._objects, json.dumps({"objects": objects}).encode())

    def ask(self, url: str, body: bytes | None = None) -> bytes:
        """One request; raises when it is refused."""
        token = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        headers = {"Authorization": f"Basic {token}", "Accept": MEDIA, "Content-Type": MEDIA}
        method = "GET" if body is None else "POST"
        answer = httpx.request(method, url, content=body, headers=headers, timeout=10)
        answer.raise_for_status()
        return answer.content


@contextmanager
def medallion(folder: Path) -> Iterator[Server]:
    """Start medallion with an empty collection; it ends with the block."""
    port = free_port()
    data = folder / "taxii.json"
    data.write_text(json.dumps(_content(port)))
    config = folder / "medallion.json"
    backend = {
        "module": "medallion.backends.memory_backend",
        "module_class": "MemoryBackend",
        "filename": str(data),
    }
    config.write_text(
        json.dumps({"backend": backend, "users": {USER: PASSWORD}, "taxii": {"max_page_size": 2}})
    )
    command = [sys.executable, "-m", "medallion.scripts.run", "--port", str(port), str(config)]
    with (folder / "medallion.log").open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        yield _ready(Server(port))
    finally:
        process.terminate()
        process.wait(timeout=10)


def _ready(server: Server) -> Server:
    deadline = time.monotonic() + 30
    while True:
        try:
            server.ask(server.url)
        except httpx.TransportError:
            assert time.monotonic() < deadline, "medallion does not answer"
            time.sleep(0.1)
        else:
            return server


def _content(port: int) -> dict[str, Any]:
    root = f"http://127.0.0.1:{port}/trial/"
    return {
        "/discovery": {"title": "Trial", "default": root, "api_roots": [root]},
        "trial": {
            "information": {
                "title": "Trial",
                "versions": ["application/taxii+json;version=2.1"],
                "max_content_length": 9_765_625,
            },
            "status": [],
            "collections": [
                {
                    "id": COLLECTION,
                    "title": "Trial",
                    "can_read": True,
                    "can_write": True,
                    "media_types": ["application/stix+json;version=2.1"],
                    "objects": [],
                    "manifest": [],
                }
            ],
        },
    }
