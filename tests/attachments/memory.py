"""What a large file does to the memory of the host, from the upload to the recipient."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from tests.web.running_service import RunningService, soon

PIECE = os.urandom(1024 * 1024)
WARM = 6
"""Megabytes of the file that is sent before: by then everything that sending needs is loaded."""


@dataclass(frozen=True)
class Memory:
    """MiB that the host's process held when it was idle, and at most while it was not."""

    idle: float
    peak: float

    @property
    def over(self) -> float:
        return self.peak - self.idle


def memory_of_uploading(service: RunningService, megabytes: int, at_once: int = 1) -> Memory:
    """Sends messages with a followed file that large each, so many at once (Linux only)."""
    process = Path("/proc") / str(service.host.process.pid)
    _all_sent(service, [_upload(service, WARM)])
    uploads = [_upload(service, megabytes) for _ in range(at_once)]
    idle = _held(process, "VmRSS")
    (process / "clear_refs").write_text("5")  # the peak is that of now (proc(5))
    _all_sent(service, uploads)
    return Memory(idle, _held(process, "VmHWM"))


def _held(process: Path, what: str) -> float:
    found = re.search(rf"^{what}:\s+(\d+) kB", (process / "status").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) / 1024


def _upload(service: RunningService, megabytes: int) -> str:
    """The id of an upload whose bytes are there."""
    size = megabytes * len(PIECE)
    answer = service.call("POST", "uploads", {"name": f"{megabytes} MB.bin", "size": size}).json()
    put = httpx.put(
        answer["url"],
        content=_pieces(megabytes),
        headers={"x-ms-blob-type": "BlockBlob", "content-length": str(size)},
        timeout=120,
    )
    put.raise_for_status()
    upload: str = answer["id"]
    return upload


def _pieces(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield PIECE


def _all_sent(service: RunningService, uploads: list[str]) -> None:
    messages = []
    for upload in uploads:
        body = {
            "from": "ana@contoso.com",
            "to": [{"address": "li@example.com", "record": {"type": "contact", "id": "li"}}],
            "subject": "A large file",
            "html": "<p>Here it is.</p>",
            "follow": "required",
            "attachments": [{"upload": upload, "follow": True}],
        }
        answer = service.call("POST", "messages", body)
        assert answer.status_code == 202, answer.text
        messages.append(answer.json()["id"])
    for message in messages:
        soon(partial(_is_sent, service, message), within=240)


def _is_sent(service: RunningService, message: str) -> bool:
    value = service.call("GET", f"messages/{message}").json()
    assert value["status"] != "failed", value["failure"]
    return bool(value["status"] == "sent")
