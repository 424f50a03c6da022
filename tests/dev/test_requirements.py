"""Requirements: pinned, explained, complete; and no lock remembers where it was fetched from."""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from local import azurite
from local.toolchain.checks import addresses_in
from local.toolchain.contracts import foreign_imports
from tests.dev.machine import ROOT

FILES = ("requirements.txt", "requirements-local.txt", "requirements-dev.txt")
OURS = {"shared", "local", "tests", "bench", "infra", "function_app"}
PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[0-9][\w.]*)(; [^#]+)?")


def lines(name: str) -> list[str]:
    return (ROOT / name).read_text(encoding="utf-8").splitlines()


def pinned(name: str) -> Iterator[str]:
    for line in lines(name):
        if line.startswith("-r "):
            yield from pinned(line.removeprefix("-r "))
        elif found := PIN.fullmatch(line):
            yield normal(found["name"])


def normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


@pytest.mark.parametrize("name", FILES)
def test_every_requirement_is_an_exact_pin(name: str) -> None:
    loose = [
        line
        for line in lines(name)
        if line and not line.startswith(("#", "-r ", "--only-binary ")) and not PIN.fullmatch(line)
    ]

    assert loose == []


@pytest.mark.parametrize("name", FILES)
def test_every_requirement_has_its_reason_above_it(name: str) -> None:
    unexplained = []
    explained = False
    for line in lines(name):
        # One reason may serve the lines below it, up to the next empty one.
        explained = line.startswith("#") or (explained and line != "")
        if PIN.fullmatch(line) and not explained:
            unexplained.append(line)

    assert unexplained == []


@pytest.mark.parametrize(
    ("requirements", "places"),
    [
        ("requirements.txt", ["shared", "function_app.py"]),
        ("requirements-local.txt", ["local"]),
        ("requirements-dev.txt", ["tests", "bench"]),
    ],
)
def test_every_package_that_is_imported_is_a_requirement_of_its_part(
    requirements: str, places: list[str]
) -> None:
    installed = packages_distributions()
    required = set(pinned(requirements))
    missing = {
        f"{file.relative_to(ROOT)} imports {name}"
        for file in python_files(places)
        for name in imports_from_outside(file)
        if not distributions_of(name, installed) & required
    }

    assert missing == set()


def python_files(places: list[str]) -> Iterator[Path]:
    for place in places:
        path = ROOT / place
        files = path.rglob("*.py") if path.is_dir() else [path] if path.exists() else []
        # import-linter runs inside the checks, with what develops.
        yield from (file for file in files if "toolchain" not in file.parts)


def imports_from_outside(file: Path) -> set[str]:
    names = {name for _, name in foreign_imports(file.read_text(encoding="utf-8"))}
    return {name for name in names if name.split(".")[0] not in sys.stdlib_module_names | OURS}


def distributions_of(name: str, installed: Mapping[str, list[str]]) -> set[str]:
    """Which packages may have brought a module; many share the name `azure`, and say the rest."""
    first, *rest = name.split(".")
    if first == "azure":
        return {"-".join([first, *rest[:length]]) for length in (1, 2, 3)}
    # What this Python cannot have is not installed; then the package is taken by the module's name.
    return {normal(distribution) for distribution in installed.get(first, [first])}


def test_the_npm_lock_records_no_address_but_a_hash_of_every_package() -> None:
    text = (azurite.HOME / "package-lock.json").read_text(encoding="utf-8")
    packages = {name: entry for name, entry in json.loads(text)["packages"].items() if name}

    assert addresses_in(text) == []
    assert [name for name, entry in packages.items() if "integrity" not in entry] == []


def test_an_address_in_a_lock_is_found() -> None:
    lock = {"packages": {"": {}, "node_modules/a": {"resolved": "https://npm.example/a.tgz"}}}

    assert addresses_in(json.dumps(lock)) == ["https://npm.example/a.tgz"]


def test_the_lock_is_of_the_azurite_that_the_manifest_pins() -> None:
    manifest = json.loads((azurite.HOME / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((azurite.HOME / "package-lock.json").read_text(encoding="utf-8"))

    wanted = manifest["dependencies"]["azurite"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", wanted)
    assert lock["packages"]["node_modules/azurite"]["version"] == wanted


def test_what_runs_before_anything_is_installed_needs_the_standard_library_only() -> None:
    outside = {
        f"{file.name}: {name}"
        for file in [ROOT / "dev.py", ROOT / "infra" / "hooks.py", *before_installation()]
        for _, name in foreign_imports(file.read_text(encoding="utf-8"))
        if name.split(".")[0] not in sys.stdlib_module_names | {"local"}
    }

    assert outside == set()


def before_installation() -> list[Path]:
    """The modules that dev.py reaches before anything is installed, and the supervisor."""
    inside = {"skips.py", "contracts.py"}
    toolchain = (ROOT / "local" / "toolchain").glob("*.py")
    beside = [ROOT / "local" / f"{name}.py" for name in ("locks", "ports", "tied", "supervisor")]
    return [*beside, azurite.HOME / "__init__.py", *(f for f in toolchain if f.name not in inside)]
