"""Simulated SIEMs: HTTP servers on loopback with the vendors' documented calls, and memory.

They check credentials and versions, keep what is written, and fail as they are told: `faults` is
taken from for each call that changes something.

    429, 500    answered so, nothing done
    503         the same with Retry-After: 7
    lost        nothing done and the connection closed without an answer
    no-reply    done, and the connection closed without an answer
    stale       somebody else changes the object first
"""

import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "a-token"


class SimulatedSiem:
    """What they share: a server, its faults, and the list of calls (`METHOD path`)."""

    scheme = "Bearer"

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.calls: list[str] = []
        self.time = 1_800_000_000
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        """The base URL that a site would configure."""
        return self.root

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def changes(self) -> list[str]:
        """The calls that change something."""
        return [call for call in self.calls if self.is_change(*call.split(" ", 1))]

    def now(self) -> int:
        """The next second."""
        self.time += 1
        return self.time

    def authentic(self, headers: Any) -> bool:
        return bool(headers.get("Authorization") == f"{self.scheme} {TOKEN}")

    def is_change(self, method: str, path: str) -> bool:
        raise NotImplementedError

    def disturb(self, path: str) -> None:
        """Somebody else changes what `path` is about."""
        raise NotImplementedError

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        raise NotImplementedError


def _handler(siem: SimulatedSiem) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            siem.calls.append(f"{self.command} {self.path}")
            if not siem.authentic(self.headers):
                self._send(401, {"error": "credentials"})
                return
            change = siem.is_change(self.command, self.path)
            fault = siem.faults.pop(0) if change and siem.faults else ""
            if fault == "stale":
                siem.disturb(self.path)
            if fault == "lost":
                self.close_connection = True
                return
            if fault.isdigit():
                self._send(int(fault), {"error": fault}, {"Retry-After": "7"})
                return
            status, document = siem.answer(self.command, self.path, body)
            if fault == "no-reply":
                self.close_connection = True
                return
            self._send(status, document)

        do_GET = do_POST = do_PUT = do_PATCH = _serve  # noqa: N815 - names that the server looks for

        def _send(self, status: int, document: Any, more: dict[str, str] | None = None) -> None:
            data = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            for name, value in (more or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    return Handler


class SimulatedSentinel(SimulatedSiem):
    """Microsoft.SecurityInsights/incidents of one workspace."""

    workspace = "/subscriptions/s/resourceGroups/soc/providers/x/workspaces/orchard"

    def __init__(self) -> None:
        super().__init__()
        self.incidents: dict[str, dict[str, Any]] = {}
        self.comments: dict[str, dict[str, str]] = {}

    @property
    def url(self) -> str:
        return self.root + self.workspace

    def add(self, name: str, **properties: Any) -> None:
        usual = {"title": f"Incident {name}", "severity": "High", "status": "New", "owner": {}}
        self.comments[name] = {}
        self._store(name, usual | properties)

    def _store(self, name: str, properties: dict[str, Any]) -> None:
        second = self.now()
        written = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        properties["lastModifiedTimeUtc"] = f"{written}.1234567Z"
        self.incidents[name] = {"name": name, "etag": f'"{second}"', "properties": properties}

    def is_change(self, method: str, path: str) -> bool:
        return method == "PUT"

    def disturb(self, path: str) -> None:
        name, _ = self._named(path)
        self._store(name, self.incidents[name]["properties"] | {"severity": "Low"})

    def _named(self, path: str) -> tuple[str, str]:
        parts = urlsplit(path)
        assert parse_qs(parts.query)["api-version"] == ["2024-09-01"]
        prefix = f"{self.workspace}/providers/Microsoft.SecurityInsights/incidents/"
        assert parts.path.startswith(prefix), parts.path
        name, _, rest = parts.path.removeprefix(prefix).partition("/")
        return unquote(name), rest.removeprefix("comments/")

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        name, comment = self._named(path)
        known = self.incidents.get(name)
        if known is None:
            return 404, {"error": {"code": "NotFound"}}
        if method == "GET":
            return 200, known
        written = json.loads(body)
        if comment:
            self.comments[name][comment] = written["properties"]["message"]
            return 201, written
        if written.get("etag") != known["etag"]:
            return 412, {"error": {"code": "PreconditionFailed"}}
        properties = written["properties"]
        if not {"title", "severity", "status"} <= properties.keys():
            return 400, {"error": {"code": "BadRequest"}}
        if properties["status"] == "Closed" and "classification" not in properties:
            return 400, {"error": {"code": "classification is missing"}}
        self._store(name, properties)
        return 200, self.incidents[name]


class SimulatedSplunk(SimulatedSiem):
    """Notables: export search and notable_update."""

    labels = ("Unassigned", "New", "In Progress", "Pending", "Resolved", "Closed")

    def __init__(self) -> None:
        super().__init__()
        self.notables: dict[str, dict[str, Any]] = {}

    def add(self, name: str, **fields: str) -> None:
        usual = {"event_id": name, "status": "1", "owner": "unassigned", "comment": []}
        self.notables[name] = usual | fields

    def is_change(self, method: str, path: str) -> bool:
        return path.startswith("/services/notable_update")

    def disturb(self, path: str) -> None:
        """Splunk has no versions."""

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if (method, path) == ("POST", "/services/search/v2/jobs/export"):
            rows = [
                row | {"status_label": self.labels[int(row["status"])]}
                for name, row in self.notables.items()
                if f'"{name}"' in form["search"]
            ]
            lines = [json.dumps({"preview": False, "result": row}) for row in rows]
            return 200, "\n".join(lines).encode()
        if path.startswith("/services/notable_update"):
            row = self.notables.get(form["ruleUIDs"])
            if row is None:
                return 200, {"success": False, "message": "no such event"}
            row["status"] = form.get("status", row["status"])
            row["disposition"] = form.get("disposition", row.get("disposition", "disposition:6"))
            row["comment"] = [*row["comment"], form["comment"]]
            row |= {"review_time": str(self.now()), "reviewer": "tocsin"}
            return 200, {"success": True, "success_count": 1, "failure_count": 0}
        return 404, {"messages": []}


class SimulatedElastic(SimulatedSiem):
    """Kibana's detection engine and notes."""

    scheme = "ApiKey"

    def __init__(self) -> None:
        super().__init__()
        self.alerts: dict[str, dict[str, Any]] = {}
        self.notes: list[dict[str, str]] = []

    def add(self, name: str, **fields: Any) -> None:
        self.alerts[name] = {"status": "open", "tags": []} | fields

    def authentic(self, headers: Any) -> bool:
        return super().authentic(headers) and bool(headers.get("kbn-xsrf"))

    def is_change(self, method: str, path: str) -> bool:
        return method == "PATCH" or path.endswith(("/signals/status", "/signals/tags"))

    def disturb(self, path: str) -> None:
        """The next status meets a version conflict."""

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        written = json.loads(body) if body else {}
        if path.endswith("/signals/search"):
            return 200, {"hits": {"hits": self._hits(written["query"]["ids"]["values"])}}
        if path.endswith("/signals/tags"):
            for name in written["ids"]:
                kept = set(self.alerts[name]["tags"]) - set(written["tags"]["tags_to_remove"])
                self.alerts[name]["tags"] = sorted(kept | set(written["tags"]["tags_to_add"]))
            return 200, {"updated": len(written["ids"])}
        if path.endswith("/signals/status"):
            known = [name for name in written["signal_ids"] if name in self.alerts]
            for name in known:
                changed = {"status": written["status"], "reason": written.get("reason")}
                self.alerts[name] |= changed | {"user": "tocsin", "status_updated_at": self._iso()}
            return 200, {"updated": len(known), "version_conflicts": 0, "failures": []}
        if method == "GET":
            wanted = parse_qs(urlsplit(path).query)["documentIds"][0]
            return 200, {"notes": [one for one in self.notes if one["eventId"] == wanted]}
        self.notes.append(written["note"])
        return 200, {"note": written["note"]}

    def _iso(self) -> str:
        return datetime.fromtimestamp(self.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def _hits(self, names: list[str]) -> list[dict[str, Any]]:
        return [
            {
                "_id": name,
                "_source": {
                    f"kibana.alert.workflow_{key}": value
                    for key, value in self.alerts[name].items()
                    if value is not None
                },
            }
            for name in names
            if name in self.alerts
        ]
