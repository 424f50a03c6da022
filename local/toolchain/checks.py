"""What `dev.py check` looks at, one line each: format, lint, types, imports, the npm lock."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local import azurite
from local.toolchain import ROOT
from local.toolchain.environments import Environment
from local.toolchain.steps import say

_TYPED = ("shared", "local", "dev.py", "function_app.py", "bench", "infra", "tests")


@dataclass(frozen=True)
class Check:
    """A tool to run in the environment, and what mends what it finds."""

    name: str
    module: list[str]
    mend: str


def check(environment: Environment, *, fix: bool) -> bool:
    """Runs every check, says ✓ or ✗ for each and what to do. Whether all passed."""
    if fix:
        for arguments in (["ruff", "check", "--fix", "."], ["ruff", "format", "."]):
            _run(environment, arguments)
    passed = [_passes(environment, each) for each in _checks()]
    passed.append(_lock_passes())
    return all(passed)


def addresses_in(lock: str) -> list[str]:
    """The download addresses that an npm lock records; none belong there.

    They would tie everyone to the registry, or mirror, of whoever made the lock.
    """
    packages = json.loads(lock)["packages"]
    return [entry["resolved"] for entry in packages.values() if "resolved" in entry]


def _checks() -> Iterator[Check]:
    by_itself = "python3 dev.py check --fix"
    yield Check(
        "format", ["ruff", "format", "--check", "--output-format", "concise", "."], by_itself
    )
    yield Check(
        "lint",
        ["ruff", "check", "--output-format", "concise", "."],
        f"{by_itself}, the rest by hand",
    )
    typed = [name for name in _TYPED if (ROOT / name).exists()]
    yield Check("types", ["mypy", *typed], "by hand, at the lines above")
    yield Check(
        "imports",
        ["importlinter.cli"],
        "move the import, or the rule in .importlinter with a decision in docs/decisions",
    )


def _passes(environment: Environment, each: Check) -> bool:
    result = _run(environment, each.module)
    if result.returncode == 0:
        say(f"✓ {each.name}")
        return True
    say(f"✗ {each.name}\n{_indented(result.stdout + result.stderr)}\n  To mend: {each.mend}")
    return False


def _run(environment: Environment, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    module, *rest = arguments
    if module == "importlinter.cli":
        # It has no __main__, and the script beside it carries the path it was installed to.
        command = ["-c", "from importlinter.cli import lint_imports_command as c; c()"]
    else:
        command = ["-m", module, *rest]
    return subprocess.run(
        [str(environment.python), *command],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def _lock_passes(lock: Path = azurite.HOME / "package-lock.json") -> bool:
    addresses = addresses_in(lock.read_text(encoding="utf-8"))
    if not addresses:
        say("✓ npm lock")
        return True
    say(
        f"✗ npm lock: it records {len(addresses)} download addresses\n"
        "  To mend: npm install --package-lock-only --omit-lockfile-registry-resolved=true"
        " in local/azurite"
    )
    return False


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.strip().splitlines())
