"""Saves the tables of an organization's account into a file, and puts them back.

    python -m local.tables save|restore https://<account>.table.core.windows.net FILE

Table Storage has no backup of its own. Whoever runs it is asked for by azure-identity (`az login`),
and needs the role Storage Table Data Contributor on the account. A file is JSON lines in gzip: what
it is, a line a row, how many rows there were.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import gzip
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.data.tables.aio import TableServiceClient

from shared.storage.names import TABLES
from shared.storage.tables import TRANSACTION_LIMIT

FORMAT = "tables of an organization, 1"
_TRANSACTION_BYTES = 900 * 1024
"""The service takes 4 MiB in a transaction; the transport warns of bodies above 1 MiB."""
_AT_ONCE = 8

Row = dict[str, Any]


class Unusable(Exception):
    """A file that was not saved whole, or is none of ours; says so."""


async def save(service: TableServiceClient, file: Path) -> int:
    """Writes every row of the account's tables into the file, which nobody else may read; how many.

    What changes meanwhile is in it as it was or as it is. An end in between leaves no file.
    """
    unfinished = file.with_name(f"{file.name}.unfinished")
    rows = 0
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as raw:
            with gzip.open(raw, "wt", encoding="utf-8") as lines:
                lines.write(json.dumps({"format": FORMAT}) + "\n")
                async for table, row in _rows_of(service):
                    lines.write(json.dumps({"table": table, "row": _written(row)}) + "\n")
                    rows += 1
                lines.write(json.dumps({"rows": rows}) + "\n")
            raw.flush()
            os.fsync(raw.fileno())
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
    return rows


async def restore(service: TableServiceClient, file: Path) -> int:
    """Puts every row of the file back, over what is there; rows the file does not know stay.

    The file is read to its end before anything is written. May be interrupted and done again.
    """
    expected = check(file)
    for table in TABLES:
        try:
            await service.create_table(table)
        except ResourceExistsError:
            continue
    places = asyncio.Semaphore(_AT_ONCE)

    async def put(table: str, rows: list[Row]) -> None:
        writes: list[Any] = [("upsert", row, {"mode": "replace"}) for row in rows]
        try:
            await service.get_table_client(table).submit_transaction(writes)
        finally:
            places.release()

    try:
        async with asyncio.TaskGroup() as group:
            for table, rows in _transactions(file):
                await places.acquire()
                group.create_task(put(table, rows))
    except ExceptionGroup as refused:
        # The first of them ended the others.
        raise refused.exceptions[0] from None
    return expected


def check(file: Path) -> int:
    """How many rows the file has; raises `Unusable` where it is not whole."""
    rows, said = 0, None
    try:
        for line in _lines(file):
            said = line.get("rows")
            if "row" in line:
                rows += 1
                _read(line["row"])
                if line["table"] not in TABLES:
                    raise Unusable(f"{file} has a table {line['table']}, which nobody has.")
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unusable(f"{file} cannot be read: {error}") from None
    if said != rows:
        raise Unusable(f"{file} is not whole: {rows} rows are there, and its end is not.")
    return rows


async def _rows_of(service: TableServiceClient) -> AsyncIterator[tuple[str, Row]]:
    for table in TABLES:
        async for entity in service.get_table_client(table).list_entities():
            yield table, dict(entity)


def _transactions(file: Path) -> Iterator[tuple[str, list[Row]]]:
    """The rows of the file as they can be written at once: of one partition, not too many."""
    table, rows, size = "", list[Row](), 0
    for line in _lines(file):
        if "row" not in line:
            continue
        row, length = _read(line["row"]), len(json.dumps(line))
        fits = len(rows) < TRANSACTION_LIMIT and size + length <= _TRANSACTION_BYTES
        same = rows and (table, rows[0]["PartitionKey"]) == (line["table"], row["PartitionKey"])
        if rows and not (fits and same):
            yield table, rows
            rows, size = [], 0
        table, size = line["table"], size + length
        rows.append(row)
    if rows:
        yield table, rows


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        if json.loads(lines.readline()).get("format") != FORMAT:
            raise Unusable(f"{file} was not saved by this command.")
        for line in lines:
            yield json.loads(line)


def _written(row: Mapping[str, Any]) -> Row:
    """A row as JSON has it: bytes and times as an object that says so."""
    return {name: _json_of(value) for name, value in row.items()}


def _json_of(value: Any) -> Any:
    match value:
        case bytes():
            return {"bytes": base64.b64encode(value).decode()}
        case datetime():
            return {"time": value.isoformat()}
        case str() | bool() | int() | float():
            return value
    raise TypeError(f"a row has a {type(value).__name__}, which the product does not write")


def _read(row: Mapping[str, Any]) -> Row:
    return {name: _value_of(value) for name, value in row.items()}


def _value_of(value: Any) -> Any:
    match value:
        case {"bytes": str(text)}:
            return base64.b64decode(text)
        case {"time": str(text)}:
            return datetime.fromisoformat(text)
        case dict() | list() | None:
            raise ValueError(f"{value!r} is no value of a row")
    return value


async def _main(what: str, endpoint: str, file: Path) -> int:
    from azure.identity.aio import DefaultAzureCredential

    async with (
        DefaultAzureCredential() as credential,
        TableServiceClient(endpoint, credential=credential) as service,
    ):
        return await (save if what == "save" else restore)(service, file)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.tables", description=__doc__)
    parser.add_argument("what", choices=["save", "restore"])
    parser.add_argument("endpoint")
    parser.add_argument("file", type=Path)
    options = parser.parse_args(arguments)
    if not options.endpoint.startswith("https://"):
        parser.error("the endpoint is like https://<account>.table.core.windows.net")
    try:
        rows = asyncio.run(_main(options.what, options.endpoint, options.file))
    except (Unusable, AzureError, OSError) as error:
        print(str(error).splitlines()[0] if str(error) else repr(error), file=sys.stderr)
        return 1
    print(f"{rows} rows are {'in ' + str(options.file) if options.what == 'save' else 'back'}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
