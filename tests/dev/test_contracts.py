"""The arrows between the rooms are kept, and packages from outside stay in their one place."""

import subprocess
import sys
from pathlib import Path

import pytest

from local.toolchain.contracts import foreign_imports
from tests.dev.machine import ROOT

LINT = "from importlinter.cli import lint_imports_command as c; c()"


def test_every_way_to_import_is_seen_with_its_line() -> None:
    source = (
        "import azure.data.tables\n"
        "from azure.storage import blob\n"
        "def later():\n"
        "    from azure.storage.queue.aio import QueueClient as Queue\n"
        "    import_module('msgraph')\n"
        "    importlib.import_module('kiota_http')\n"
        "from .storage import Tables\n"
    )

    assert sorted(foreign_imports(source)) == [
        (1, "azure.data.tables"),
        (2, "azure.storage.blob"),
        (4, "azure.storage.queue.aio.QueueClient"),
        (5, "msgraph"),
        (6, "kiota_http"),
    ]


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A house with two rooms, under the contracts of this project."""
    files = {
        "function_app.py": "import shared.records.functions\n",
        "shared/__init__.py": "",
        "shared/model.py": "",
        "shared/storage/__init__.py": "import azure.data.tables.aio\n",
        "shared/records/__init__.py": "from shared.storage import *\n",
        "shared/records/functions.py": "import shared.records, shared.service\n",
        "shared/service.py": "import shared.storage\n",
        "shared/horoscopes/__init__.py": "import shared.records, shared.model\n",
        "local/__init__.py": "",
        "local/host.py": "import function_app, azure.storage.blob\n",
        ".importlinter": (ROOT / ".importlinter").read_text(encoding="utf-8"),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    toolchain = tmp_path / "local" / "toolchain"
    toolchain.mkdir()
    (toolchain / "__init__.py").touch()
    contracts = (ROOT / "local" / "toolchain" / "contracts.py").read_text(encoding="utf-8")
    (toolchain / "contracts.py").write_text(contracts, encoding="utf-8")
    return tmp_path


def verdict(house: Path) -> str:
    answer = subprocess.run(
        [sys.executable, "-c", LINT], cwd=house, capture_output=True, encoding="utf-8", check=False
    )
    kept = "0 broken." in answer.stdout
    assert (answer.returncode == 0) == kept, answer.stdout + answer.stderr
    return "kept" if kept else answer.stdout


def test_a_house_after_the_architecture_is_kept(house: Path) -> None:
    assert verdict(house) == "kept"


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("shared/records/store.py", "import azure.data.tables", "storage SDKs"),
        ("function_app.py", "from azure.storage import blob", "storage SDKs"),
        ("shared/records/store.py", "def f(): import msgraph", "Graph SDK"),
        ("shared/records/store.py", "import local.host", "stands in for Azure"),
        ("shared/storage/rows.py", "import shared.records", "The foundation knows no room BROKEN"),
        (
            "shared/web.py",
            "def f(): import shared.horoscopes",
            "The foundation knows no room BROKEN",
        ),
        ("shared/model.py", "import shared.storage", "stands on nothing of ours BROKEN"),
        ("shared/sending/__init__.py", "import shared.records.functions", "another's functions.py"),
        ("shared/records/store.py", "import shared.service", "Only functions know the running"),
    ],
)
def test_what_the_architecture_forbids_is_found(
    house: Path, file: str, line: str, broken: str
) -> None:
    (house / file).parent.mkdir(exist_ok=True)
    (house / file.rpartition("/")[0] / "__init__.py").touch()
    with (house / file).open("a", encoding="utf-8") as source:
        source.write(line + "\n")

    assert broken in verdict(house)
