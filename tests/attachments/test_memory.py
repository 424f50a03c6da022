"""A large file never is in the memory of the process as a whole."""

from __future__ import annotations

import sys

import pytest

from tests.attachments.memory import memory_of_uploading
from tests.web.running_service import RunningService

pytestmark = [
    pytest.mark.processes,
    pytest.mark.thorough,
    pytest.mark.timeout(400),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="proc(5) is of Linux"),
]


def test_the_host_holds_60_mb_more_at_most_while_it_uploads_a_file_of_100(
    service: RunningService,
) -> None:
    memory = memory_of_uploading(service, 100)
    print(f"\nidle {memory.idle:.0f} MiB, at most {memory.peak:.0f}: {memory.over:.0f} over")
    assert memory.over < 60
