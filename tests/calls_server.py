"""A function or service on the loopback interface, with the metadata server that gives out tokens of both kinds."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Any]


class CallsServer(ThreadingHTTPServer):
    """Answers as a function of method, path and body says; keeps all requests, and their tokens."""

    def __init__(self, answer: Callable[[str, str, Any], Answer]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.requests: list[tuple[str, str, Any]] = []
        self.tokens: list[str | None] = []

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: CallsServer

    def do(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        if self.path.startswith("/computeMetadata/"):
            assert self.headers["Metadata-Flavor"] == "Google"
            is_access = self.path.endswith("/token")
            audience = self.path.partition("audience=")[2]
            self.send(200, json.dumps({"access_token": "secret"}) if is_access else f"identity for {audience}")
            return
        self.server.requests.append((self.command, self.path, body))
        self.server.tokens.append(self.headers["Authorization"])
        status, answer = self.server.answer(self.command, self.path, body)
        self.send(status, answer if isinstance(answer, str) else json.dumps(answer))

    def do_GET(self) -> None:
        self.do()

    def do_POST(self) -> None:
        self.do()

    def do_PUT(self) -> None:
        self.do()

    def do_PATCH(self) -> None:
        self.do()

    def do_DELETE(self) -> None:
        self.do()

    def send(self, status: int, text: str) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""


@contextmanager
def serving(answer: Callable[[str, str, Any], Answer]) -> Iterator[CallsServer]:
    """The server, while it runs."""
    with CallsServer(answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
