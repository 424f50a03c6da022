"""The Bicep files: sound by themselves, and at one with the code, the docs and the parameters."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from shared.settings import ORGANIZATION_ID, OrganizationEntry
from tests.infra import agreement, azure, language, used
from tests.infra.bicep import decorators_of, read
from tests.infra.bicep import fields as fields_of
from tests.infra.mistakes import MISTAKES

INFRA = used.ROOT / "infra"


@dataclass(frozen=True)
class Project:
    """The files that must agree; a test plants a mistake into one of them."""

    bicep: Mapping[str, str]
    files: Mapping[str, str]

    @classmethod
    def here(cls) -> Project:
        read_too = ["docs/settings.md", "docs/operations.md", "local.settings.sample.json"]
        read_too += ["infra/main.parameters.json", *{need.file for need in agreement.NEEDS}]
        return cls(
            {path.name: path.read_text(encoding="utf-8") for path in INFRA.glob("*.bicep")},
            {name: (used.ROOT / name).read_text(encoding="utf-8") for name in read_too},
        )

    def with_mistake(self, file: str, was: str, becomes: str) -> Project:
        texts = {**self.bicep, **self.files}
        assert was in texts[file], f"{file} does not say {was!r} any more"
        changed = texts[file].replace(was, becomes, 1)
        bicep = {name: changed if name == file else text for name, text in self.bicep.items()}
        others = {name: changed if name == file else text for name, text in self.files.items()}
        return Project(bicep, others)

    def findings(self) -> list[str]:
        """Everything that any rule finds."""
        templates = read(self.bicep)
        found = language.findings(templates)
        if found:
            return found  # what cannot be read needs no further questions
        sample = json.loads(self.files["local.settings.sample.json"])["Values"]
        given = json.loads(self.files["infra/main.parameters.json"])["parameters"]
        return [
            *azure.order(templates),
            *azure.names(templates),
            *azure.addresses(templates),
            *azure.settings(templates),
            *agreement.roles(templates, self.files),
            *agreement.storage(templates),
            *agreement.settings(templates, self.files["docs/settings.md"], sample),
            *agreement.registry(templates, registry_fields()),
            *agreement.safety(templates),
            *agreement.files(templates),
            *agreement.alerts(templates, self.files["docs/operations.md"]),
            *agreement.app(templates),
            *agreement.parameters(templates, given),
        ]


def registry_fields() -> set[str]:
    """What an entry of ORGANIZATIONS has, in its own spelling."""
    return {
        re.sub(r"_(\w)", lambda match: match[1].upper(), field.name)
        for field in fields(OrganizationEntry)
    }


@pytest.fixture(scope="module")
def project() -> Project:
    return Project.here()


def test_nothing_is_wrong(project: Project) -> None:
    assert project.findings() == []


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_is_found(project: Project, mistake: str) -> None:
    file, was, becomes, said = MISTAKES[mistake]
    found = project.with_mistake(file, was, becomes).findings()
    assert any(said in each for each in found), found


def test_the_parameters_describe_organizations_that_the_app_can_read() -> None:
    """What Bicep lets through as an id, the app takes."""
    template = read(Project.here().bicep)["main.bicep"]
    declared = template.types["organizationType"].value
    assert declared is not None
    limits = decorators_of(fields_of(declared)["id"])
    shortest, longest = (template.plain(limits[name]) for name in ("minLength", "maxLength"))
    assert ORGANIZATION_ID.fullmatch("a" * shortest)
    assert ORGANIZATION_ID.fullmatch("a" * longest)
    assert not ORGANIZATION_ID.fullmatch("a" * (longest + 1))


if shutil.which("bicep"):

    def test_the_compiler_takes_the_files(tmp_path: Path) -> None:
        """Where there is a compiler; most machines have none."""
        built = tmp_path / "main.json"
        command = ["bicep", "build", str(INFRA / "main.bicep"), "--outfile", str(built)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


if shutil.which("checkov"):

    def test_checkov_asks_for_nothing_that_we_do_not_know_of() -> None:
        """Where it is installed; what it asks for in vain is in infra/.checkov.yaml."""
        command = ["checkov", "--directory", str(INFRA)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
        assert "Passed checks: " in done.stdout + done.stderr
