"""What the lab costs: decisions a second, against the bare kernel, memory, a sweep, and the first compilation."""

import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.figures import Figure, spread
from tests.bench.lab_sweep import sweep
from tests.bench.processes import line, process


@dataclass(frozen=True)
class Span:
    """How much is done."""

    days: int
    rounds: int
    cold: bool
    """Whether the compilation is measured too."""
    sweep_days: int
    sweep_points: int


FULL = Span(days=5 * 365, rounds=25, cold=True, sweep_days=2 * 365, sweep_points=1_000)
QUICK = Span(days=60, rounds=2, cold=False, sweep_days=60, sweep_points=10)


def lab(folder: Path, span: Span, tell: Callable[[str], None]) -> Iterator[Figure]:
    """Hourly bars of BTC, daily decisions, one core."""
    tell("the lab's runs")
    said = _runs(span, {})
    bars = f"{said['bars']:,} {'recorded' if said['recorded'] else 'synthetic'} bars"
    for exit_style, one in said["runs"].items():
        name = f"run of {bars}, {exit_style.lower()}"
        rates = [one["decisions"] / seconds for seconds in one["run"]]
        yield Figure(f"{name}, decisions/s", spread(rates, "{:,.0f}"), "50,000")
        yield Figure("    milliseconds", spread([1e3 * seconds for seconds in one["run"]], "{:.1f}"))
        ratios = [run / bare for bare, run in zip(one["bare"], one["run"], strict=True)]
        yield Figure("    times the bare kernel", f"{statistics.median(ratios):.1f}", "3")
        yield Figure("    chains", f"{one['chains']:,}")
        yield Figure("    preparing it, milliseconds", f"{1e3 * one['prepare']:.1f}")
        yield Figure("    memory of its arrays and rows at most, MiB", f"{one['peak'] / 2**20:.1f}")
    yield Figure("memory of the process that runs it at most, MiB", f"{said['resident'] / 2**20:,.0f}")
    tell("a sweep")
    yield from sweep(folder, span.sweep_days, span.sweep_points)
    if span.cold:
        tell("the first compilation")
        cold = _runs(QUICK, {"NUMBA_CACHE_DIR": str(folder / "numba")})
        yield Figure("compiling the engine, once a machine, s", f"{cold['first']:.1f}")


def _runs(span: Span, environment: Mapping[str, str]) -> dict[str, Any]:
    with process("lab_run", str(span.days), str(span.rounds), **environment) as running:
        return line(running)
