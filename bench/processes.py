"""What the system says of a process: the CPU it used, the memory it holds (Linux only)."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(process: int) -> float:
    """Seconds of CPU that it used since it began, the system's on its behalf included."""
    # The name, in brackets, may hold spaces; utime and stime are the 12th and 13th after it.
    numbers = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()
    return (int(numbers[11]) + int(numbers[12])) / _TICKS_A_SECOND


def resident_mib(process: int) -> float:
    """MiB that it holds in memory."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE_BYTES / 2**20


def machine_load() -> float:
    """How many were at work on this machine in the last minute, on average."""
    return os.getloadavg()[0]
