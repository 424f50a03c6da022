"""Runs a command that cannot outlive the process that started it.

    python tied.py PARENT_PID COMMAND ARGUMENT…

On Linux the kernel kills the command when its parent ends, however that ends. Elsewhere this
process stays, starts the command as its child in its own process group, and kills the group when
its standard input, a pipe held open by the parent, comes to an end. `--watch` before PARENT_PID
asks for that second way everywhere.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import NoReturn

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def tied(command: list[str]) -> list[str]:
    """The command that runs `command` for as long as the calling process lives.

    To be started in a session of its own, with a pipe as standard input where `needs_pipe()`.
    """
    shim = str(Path(__file__).resolve())
    return [sys.executable, "-I", "-S", shim, str(os.getpid()), *command]


def needs_pipe() -> bool:
    """Whether the tie of this platform is a pipe on standard input."""
    return sys.platform != "linux"


def main(arguments: list[str]) -> int:
    watch = arguments[0] == "--watch"
    parent, *command = arguments[1:] if watch else arguments
    if watch or needs_pipe():
        return _run_while_standard_input_is_open(command)
    return _become(command, int(parent))


def _become(command: list[str], parent: int) -> NoReturn:
    _die_with(parent)
    os.execvp(command[0], command)


def _die_with(parent: int) -> None:
    """Asks for SIGKILL when the parent ends; the wish survives exec, unlike a handler.

    The kernel means the parent *thread*: the supervisor starts its children from its main thread.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    # The parent may have ended before the wish was known; then init is the parent by now.
    if os.getppid() != parent:
        sys.exit("The process that started this one is gone.")


def _run_while_standard_input_is_open(command: list[str]) -> int:
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def end_with_the_pipe() -> None:
        while os.read(0, 1024):
            pass
        if sys.platform == "win32":
            child.kill()
        else:
            os.killpg(0, signal.SIGKILL)

    def leave_it_to_the_child(number: int, frame: FrameType | None) -> None:
        """A signal to the group reaches the child itself; this process waits for its end."""

    signal.signal(signal.SIGTERM, leave_it_to_the_child)
    signal.signal(signal.SIGINT, leave_it_to_the_child)
    threading.Thread(target=end_with_the_pipe, daemon=True).start()
    code = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
