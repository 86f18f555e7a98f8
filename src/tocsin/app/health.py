"""`/healthz`, `/readyz` and Prometheus `/metrics` on a loopback port.

Health is "this process answers", readiness is "what comes in is being judged". Metrics of all
processes meet in files below the run folder (prometheus-client's multi-process mode).
"""

import threading
from collections.abc import Callable, Iterable
from http.server import ThreadingHTTPServer
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.multiprocess import MultiProcessCollector

Ready = Callable[[], dict[str, bool]]


class _Quiet(WSGIRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Say nothing: probes would fill the log."""


class _Server(ThreadingHTTPServer, WSGIServer):
    daemon_threads = True


def serve_health(host: str, port: int, ready: Ready) -> WSGIServer:
    """Answer probes in a thread; `ready()` names each part and whether it is ready.

    Raises OSError when the port is taken.
    """
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # untyped in the library
    metrics = make_wsgi_app(registry)

    def application(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                answer: Iterable[bytes] = metrics(environ, start)
                return answer
            case "/healthz":
                return _answer(start, "200 OK", "ok\n")
            case "/readyz":
                parts = ready()
                status = "200 OK" if all(parts.values()) else "503 Service Unavailable"
                lines = (
                    f"{name}: {'ready' if ok else 'not ready'}\n" for name, ok in parts.items()
                )
                return _answer(start, status, "".join(lines))
            case _:
                return _answer(start, "404 Not Found", "there is /healthz, /readyz and /metrics\n")

    server = make_server(host, port, application, _Server, _Quiet)
    threading.Thread(target=server.serve_forever, daemon=True, name="health").start()
    return server


def _answer(start: StartResponse, status: str, text: str) -> Iterable[bytes]:
    start(status, [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")])
    return [text.encode()]
