"""A service of Google Cloud on the loopback interface, with the metadata server that gives out its tokens."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Any]


class Loopback(ThreadingHTTPServer):
    """The service: answers each request by a function, and keeps all requests."""

    def __init__(self, answer: Callable[[str, str, Any], Answer]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.requests: list[tuple[str, str, Any]] = []

    def environment(self, *services: str) -> dict[str, str]:
        """The variables that lead a task here."""
        address = f"127.0.0.1:{self.server_port}"
        urls = {f"SMX2VERTEX_{service.upper()}_URL": f"http://{address}/v1" for service in services}
        return {"GCE_METADATA_HOST": address, **urls}


class _Handler(BaseHTTPRequestHandler):
    server: Loopback

    def do_GET(self) -> None:
        self._reply("GET")

    def do_POST(self) -> None:
        self._reply("POST")

    def do_PATCH(self) -> None:
        self._reply("PATCH")

    def do_DELETE(self) -> None:
        self._reply("DELETE")

    def _reply(self, method: str) -> None:
        if self.path.endswith("/default/token"):
            status, body = 200, {"access_token": "secret"}
        else:
            length = int(self.headers["Content-Length"] or 0)
            sent = json.loads(self.rfile.read(length)) if length else None
            self.server.requests.append((method, self.path.removeprefix("/v1/"), sent))
            status, body = self.server.answer(method, self.path.removeprefix("/v1/"), sent)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""


@contextmanager
def loopback(answer: Callable[[str, str, Any], Answer]) -> Iterator[Loopback]:
    """Run the service; `answer` takes method, path (with query) and body, and gives status and body."""
    with Loopback(answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
