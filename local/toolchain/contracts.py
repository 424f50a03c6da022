"""Contracts for import-linter that it does not bring itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class OnlyImporters(Contract):
    """Files below `folders` that import one of `packages` lie below one of `allowed`.

    import-linter itself sees `azure` and no more of `azure.data.tables`, since it reads no packages
    from outside; this contract reads the import statements, lazy ones inside functions included.
    """

    folders = fields.ListField(subfield=fields.StringField())
    packages = fields.ListField(subfield=fields.StringField())
    allowed = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        folders, packages, allowed = (
            [str(value) for value in values]  # type: ignore[attr-defined]
            for values in (self.folders, self.packages, self.allowed)
        )
        found = [
            f"{file.as_posix()}:{line} imports {name}"
            for file in _python_files(folders)
            if not any(file.is_relative_to(folder) for folder in allowed)
            for line, name in foreign_imports(file.read_text(encoding="utf-8"))
            if _is_within(name, packages)
        ]
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for line in check.metadata["found"]:
            output.print_error(line)


class StandsOn(Contract):
    """Of all that is ours, `modules` import only each other and what they stand `on`.

    Says nothing about the rest, so that a new room needs no line in any contract.
    """

    modules = fields.ListField(subfield=fields.StringField())
    on = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        modules, on = (
            [str(value) for value in values]  # type: ignore[attr-defined]
            for values in (self.modules, self.on)
        )
        found = [
            f"{importer} imports {imported}"
            for importer in sorted(graph.modules)
            if _is_within(importer, modules)
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if not _is_within(imported, [*modules, *on])
        ]
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for line in check.metadata["found"]:
            output.print_error(line)


def foreign_imports(source: str) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything that a source imports, by statement or `import_module`.

    Of `from a.b import c` that is `a.b.c`, since `c` may be a module; relative ones are our own.
    """
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield node.lineno, alias.name
            case ast.ImportFrom(module=str(module), level=0, names=names):
                for alias in names:
                    yield node.lineno, f"{module}.{alias.name}"
            case ast.Call(
                func=ast.Attribute(attr="import_module") | ast.Name(id="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield node.lineno, name


def _is_within(module: str, packages: list[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _python_files(folders: list[str]) -> Iterator[Path]:
    for name in folders:
        path = Path(name)
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]
