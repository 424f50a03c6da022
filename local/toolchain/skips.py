"""A pytest plugin: says aloud, in sentences, what was skipped and why, and that no test is no pass.

With `--may-skip REASON` (repeatable) any skip whose reason contains none of them fails the run.
"""

from collections import Counter

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--may-skip",
        action="append",
        metavar="REASON",
        help="fail when a test is skipped for a reason that does not contain this (repeatable)",
    )


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if exitstatus == pytest.ExitCode.OK and _forbidden(session.config, _reasons(session.config)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    reasons = _reasons(config)
    for reason, count in reasons.items():
        terminalreporter.write_line(sentence(reason, count))
    for reason in _forbidden(config, reasons):
        terminalreporter.write_line(f"Nothing may be skipped here because of: {reason}", red=True)
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        terminalreporter.write_line("No test was found, and that is no pass.", red=True)


def sentence(reason: str, count: int) -> str:
    """What a person reads about tests that were skipped for one reason."""
    tests = "1 test was" if count == 1 else f"{count} tests were"
    return f"{tests} skipped: {reason}"


def _reasons(config: pytest.Config) -> Counter[str]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return Counter()
    return Counter(_reason(report) for report in reporter.stats.get("skipped", []))


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    # pytest keeps (file, line, "Skipped: reason") of a skip, and only text of an expected failure.
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


def _forbidden(config: pytest.Config, reasons: Counter[str]) -> list[str]:
    allowed: list[str] | None = config.getoption("--may-skip")
    if allowed is None:
        return []
    return [reason for reason in reasons if not any(part in reason for part in allowed)]
