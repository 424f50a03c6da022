"""How many hits a second one process takes in, and what a hit costs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.figures import ratio, say, show, under_way
from bench.load import Load, load
from bench.machine import (
    CONSTANT,
    GIF_PATH,
    INTAKE,
    ONE_INSERT,
    SERVICE,
    LeanServer,
    Machine,
    machine,
)
from bench.processes import cpu_seconds, machine_load
from bench.waiting import until_folded, writes_so_far

ROUNDS = 7
SECONDS = 1.0
CONNECTIONS = 32
MESSAGES = 200
_WARM_UP = 400
_FOLDED_S = 60.0


@dataclass(slots=True)
class _Contender:
    """One process that answers GIFs; what its rounds came to."""

    name: str
    port: int
    process: int
    paths: Sequence[str]
    folds_on: Machine | None = None
    """Where hits are folded beside being taken in: the round waits for the rest of it."""
    writes_on: Machine | None = None
    loads: list[Load] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    hits_a_write: list[float] = field(default_factory=list)
    _writes: int = 0

    def warm_up(self) -> None:
        load(self.port, self.paths, connections=CONNECTIONS, seconds=5, most=_WARM_UP)
        self._settle()

    def round(self) -> None:
        writes, cpu = self._writes, cpu_seconds(self.process)
        done = load(self.port, self.paths, connections=CONNECTIONS, seconds=SECONDS)
        self._settle()
        self.loads.append(done)
        self.cpu_us.append((cpu_seconds(self.process) - cpu) / done.answers * 1e6)
        if self.writes_on is not None:
            self.hits_a_write.append(done.answers / (self._writes - writes))

    def _settle(self) -> None:
        if self.writes_on is not None:
            self._writes = self.writes_on.with_contoso(writes_so_far)
        if self.folds_on is not None:
            self.folds_on.with_contoso(lambda contoso: until_folded(contoso, _FOLDED_S))

    @property
    def rates(self) -> list[float]:
        return [done.a_second for done in self.loads]


def measure() -> None:
    """pixel hits a second: stored, also folded, and against four ways to answer the same GIF"""
    with machine() as here, LeanServer() as lean:
        contenders = [*_hosts(here), _Contender("lean", lean.port, lean.process.pid, [GIF_PATH])]
        for contender in contenders:
            contender.warm_up()
        for number in range(ROUNDS):
            for place in range(len(contenders)):
                contender = contenders[(number + place) % len(contenders)]
                under_way(f"hits: round {number + 1} of {ROUNDS}, {contender.name}")
                contender.round()
    _tell({contender.name: contender for contender in contenders})


def _hosts(here: Machine) -> list[_Contender]:
    """Each with a deployment of its own, so that no one folds or slows what another wrote."""
    made = []
    for name, app in (
        ("service", SERVICE),
        ("intake", INTAKE),
        ("one insert", ONE_INSERT),
        ("constant", CONSTANT),
    ):
        place = here.another()
        host = place.start(app)
        paths = [GIF_PATH] if app == CONSTANT else place.pixels(MESSAGES)
        made.append(
            _Contender(
                name,
                host.port,
                host.process.pid,
                paths,
                folds_on=place if app == SERVICE else None,
                writes_on=place if app == INTAKE else None,
            )
        )
    return made


def _tell(by_name: dict[str, _Contender]) -> None:
    service, intake, insert = by_name["service"], by_name["intake"], by_name["one insert"]
    constant, lean = by_name["constant"], by_name["lean"]
    say_as = {
        "pixel, hits stored": intake,
        "whole service, folding beside it": service,
        "one create_entity a hit": insert,
        "the same host, a constant GIF": constant,
        "leanest ASGI server, constant GIF": lean,
    }
    show(
        f"Hits over {CONNECTIONS} connections, {ROUNDS} interleaved rounds of {SECONDS} s, "
        f"{MESSAGES} messages, Azurite as storage",
        "a second",
        {name: contender.rates for name, contender in say_as.items()},
    )
    show(
        "How long one takes",
        "ms",
        {
            name + end: [getattr(done, value) for done in contender.loads]
            for name, contender in (("stored", intake), ("service", service), ("GIF", constant))
            for end, value in ((", typically", "typical_ms"), (", 1 in 100 longer", "slow_ms"))
        },
    )
    show(
        "CPU of the process for one hit",
        "µs",
        {name: contender.cpu_us for name, contender in say_as.items()},
    )
    show("Hits in one write to storage", "hits", {"pixel, hits stored": intake.hits_a_write})
    for name, of, to in (
        ("stored / constant GIF", intake, constant),
        ("stored / one insert a hit", intake, insert),
        ("stored / leanest server", intake, lean),
        ("service / constant GIF", service, constant),
    ):
        say(f"  ratio {ratio(of.rates, to.rates):5.2f}  {name}")
    say("  The service's CPU holds all the folding of its hits, also what came after the round.")
    say(f"  Others kept this machine busy, too, or did not: its load is {machine_load():.1f}.\n")
