"""Somebody whom Graph tells things: an HTTP server in a thread that keeps what it was posted."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Receiver:
    """``answers`` are the statuses of the next notifications (202 once they are used up);
    ``proves`` is whether it repeats validation tokens."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.proves = True
        self.shaken: list[str] = []
        self._told: list[tuple[str, dict[str, Any]]] = []
        self._news = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def address(self, path: str = "/news") -> str:
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def told(self, count: int, within: float = 10) -> list[dict[str, Any]]:
        """The first ``count`` notifications that were taken or refused, once they are there."""
        with self._news:
            assert self._news.wait_for(lambda: len(self._told) >= count, within), self._told
            return [one for _, body in self._told[:count] for one in body["value"]]

    def paths(self) -> list[str]:
        return [path for path, _ in self._told]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                token = parse_qs(parts.query).get("validationToken")
                if token:
                    receiver.shaken.append(parts.path)
                    self._answer(200, (token[0] if receiver.proves else "something").encode())
                    return
                with receiver._news:
                    receiver._told.append((parts.path, json.loads(body)))
                    receiver._news.notify_all()
                self._answer(receiver.answers.pop(0) if receiver.answers else 202, b"")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:
                """Says nothing."""

        return Handler


@contextmanager
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    try:
        yield made
    finally:
        made.close()
