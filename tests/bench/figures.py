"""What is measured: each figure with its aim. Rounds of the real call and of the one that does nothing alternate, so
that a machine with other work slows both."""

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.archive import archive
from tests.bench.pages import PAGES
from tests.bench.processes import caller, line, process, served


@dataclass(frozen=True)
class Figure:
    """A line of the table."""

    name: str
    measured: str
    aim: str = ""


@dataclass(frozen=True)
class Scale:
    """How much is done."""

    rounds: int
    calls: int
    crowd: int
    batches: int
    batch: int
    starts: int
    entries: int


FULL = Scale(rounds=7, calls=90, crowd=64, batches=6, batch=500, starts=7, entries=1_000_000)
QUICK = Scale(rounds=1, calls=6, crowd=8, batches=1, batch=60, starts=1, entries=2_000)


def spread(values: list[float], form: str) -> str:
    """The median, and between which it lies."""
    middle = form.format(statistics.median(values))
    if len(values) == 1:
        return middle
    return f"{middle} ({form.format(min(values))} to {form.format(max(values))})"


def writes(folder: Path, scale: Scale, tell: Callable[[str], None]) -> Iterator[Figure]:
    """Executions one by one and in batches."""
    with served(folder / "writes" / "ledger.db") as server:
        with caller(server.target) as call:
            for in_flight, calls in ((1, scale.calls * 4), (scale.crowd, scale.calls)):
                tell(f"RecordExecution, {in_flight} in flight")
                call("real", in_flight, 6)  # warm
                rounds = [
                    (call("no-op", in_flight, calls), call("real", in_flight, calls)) for _ in range(scale.rounds)
                ]
                yield from _beside(in_flight, rounds, "0.60" if in_flight > 1 else "")
            tell("RecordExecutions")
            rates = [call("batch", 1, 2, scale.batch)["rate"] for _ in range(scale.batches)]
            yield Figure(f"RecordExecutions of {scale.batch}, executions/s", spread(rates, "{:,.0f}"), "4,000")
        last = server.stop()
        done = last["revision"]
        yield Figure("processor time of the writer per execution, µs", f"{last['writer'] / done * 1e6:,.0f}")
        yield Figure("memory, without a ledger's past, MiB", f"{server.first['rss'] / 2**20:,.0f}")
        yield Figure(f"memory after {done:,} executions, MiB", f"{last['rss'] / 2**20:,.0f}")


def _beside(in_flight: int, rounds: list[tuple[dict[str, float], dict[str, float]]], aim: str) -> Iterator[Figure]:
    """The real call beside the one that does nothing."""
    name = f"{in_flight} in flight"
    for number, what in enumerate(("a call that does nothing", "RecordExecution")):
        own = [pair[number] for pair in rounds]
        yield Figure(f"{what}, {name}, calls/s", spread([each["rate"] for each in own], "{:,.0f}"))
        latency = " / ".join(f"{statistics.median(each[p] for each in own) * 1_000:.1f}" for p in ("p50", "p99"))
        yield Figure("    p50 / p99, ms", latency)
    ratios = [real["rate"] / no_op["rate"] for no_op, real in rounds]
    yield Figure("    ratio of both rates", spread(ratios, "{:.2f}"), aim)


def past(folder: Path, scale: Scale, tell: Callable[[str], None], progress: Callable[[int], None]) -> Iterator[Figure]:
    """What a long past costs: start-up, pages, memory. The ledger is looked for, or made, in `folder`."""
    tell(f"a ledger of {scale.entries:,} entries")
    db = archive(folder, scale.entries, progress)
    tell("start-up")
    ready, resident = [], []
    for _ in range(scale.starts):
        with served(db) as server:
            ready.append(server.first["ready"])
            resident.append(server.first["rss"])
            server.stop()
    size = db.stat().st_size / 2**20
    yield Figure(f"size of {scale.entries:,} entries, MiB", f"{size:,.0f}")
    yield Figure(f"start-up with {scale.entries:,} entries, s", spread(ready, "{:.3f}"), "1")
    yield Figure(f"memory with {scale.entries:,} entries, MiB", f"{max(resident) / 2**20:,.0f}")
    tell("ListChains")
    chains = scale.entries // 10
    with process("pages", str(db)) as running:
        taken = line(running)
    for name in PAGES:
        aim = "10" if name == "first page" else ""
        yield Figure(f"ListChains, {chains:,} closed chains: {name}, ms", f"{taken[name] * 1_000:.1f}", aim)


def profile(folder: Path, target: Path, scale: Scale) -> None:
    """Writes where the time of RecordExecution goes."""
    with served(folder / "profile" / "ledger.db", target) as server:
        with caller(server.target) as call:
            call("real", scale.crowd, scale.calls * 3)
        server.stop()
        server.process.wait(60)
