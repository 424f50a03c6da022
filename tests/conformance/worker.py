"""Azure's own Python worker with an app in it, for tests.

It catches what a look-alike host hides: parameters without a binding, annotations that do not fit,
directions that are wrong, return values that cannot be converted.
"""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local import tied

needs_worker = pytest.mark.skipif(
    sys.version_info < (3, 13),
    reason="azure-functions-runtime, Azure's own Python worker, needs Python 3.13",
)

ANSWER_SECONDS = 30


class IndexingFailed(Exception):
    """The worker cannot index the app; the message is the worker's."""


class InvocationFailed(Exception):
    """The function raised, or what it returned cannot be converted: the caller gets 500."""


@dataclass(frozen=True)
class IndexedFunction:
    """A function as the worker announces it to the host."""

    name: str
    id: str
    bindings: list[dict[str, Any]]
    directions: dict[str, int]
    """0 in, 1 out."""

    @property
    def trigger(self) -> dict[str, Any]:
        [trigger] = [each for each in self.bindings if each["type"].endswith("Trigger")]
        return trigger


@dataclass(frozen=True)
class HttpAnswer:
    status: int
    headers: dict[str, str]
    cookies: list[dict[str, Any]]
    body: bytes


class Worker:
    """The worker's process; `functions` are those of the app."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        told = self._answer()
        if "error" in told:
            raise IndexingFailed(told["error"])
        self.functions = {each["name"]: IndexedFunction(**each) for each in told["functions"]}

    def request(self, name: str, method: str, url: str, **more: Any) -> HttpAnswer:
        """Let an HTTP function answer; `more` are headers, params (route), query and body."""
        http = self.invoke(name, {"http": {"method": method, "url": url, **more}})["http"]
        return HttpAnswer(
            status=int(http["status_code"]),
            headers=http["headers"],
            cookies=http["cookies"] or [],
            body=http["body"]["bytes"].encode("latin-1"),
        )

    def invoke(
        self, name: str, data: Mapping[str, Any], metadata: Mapping[str, Any] | None = None
    ) -> Any:
        """Invoke a function with typed data; what it returned. Raises InvocationFailed."""
        function = self.functions[name]
        command = {
            "function_id": function.id,
            "parameter": function.trigger["name"],
            "data": data,
            "metadata": metadata or {},
        }
        assert self._process.stdin
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        told = self._answer()
        if "error" in told:
            raise InvocationFailed(told["error"])
        return told["returned"]

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        ready, _, _ = select.select([self._process.stdout], [], [], ANSWER_SECONDS)
        line = self._process.stdout.readline() if ready else ""
        if not line:
            raise AssertionError("the worker gave no answer; what it printed is above")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def running_worker(directory: Path, environ: Mapping[str, str]) -> Iterator[Worker]:
    """The worker with the `function_app.py` of that directory; raises IndexingFailed."""
    command = [sys.executable, "-m", "tests.conformance.worker_process", str(directory)]
    with subprocess.Popen(
        tied.tied(command),
        env={**os.environ, **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield Worker(process)
        finally:
            process.kill()
