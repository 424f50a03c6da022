"""Labelled user agents, for the tests of who caused a hit and with what program."""

from pathlib import Path


def rows(name: str) -> list[list[str]]:
    """The rows of `people.tsv` or `machines.tsv`, a list of columns each, the agent last."""
    text = (Path(__file__).parent / name).read_text("utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [line.split("\t") for line in lines]
