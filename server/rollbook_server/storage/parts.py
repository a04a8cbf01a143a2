"""A part of a run as it is stored: its decisions and its equity as blocks of columns, its chains as JSON, and the
thinned equity of the run until then."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rollbook_server.domain.backtest.rows import BacktestChain, BacktestCycle, Equity, Rows, Steps
from rollbook_server.domain.backtest.runs import CURVE, Progress
from rollbook_server.storage.columns import from_block, joined, taken, to_block
from rollbook_server.storage.facts import to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one part of a run adds, and the state to go on from. All of it is written in one transaction."""

    checkpoint: bytes
    """The engine's state after it."""
    progress: Progress
    steps: int
    step_block: bytes
    points: int
    equity_block: bytes
    chains: Sequence[tuple[int, str]]
    """Number and JSON of those that ended in it or are open now."""
    cycles: Sequence[tuple[int, str]]
    """The same of a wheel's cycles."""
    curve: bytes
    """The equity until now, thinned: each n-th bar of the run, and the newest."""


def pack(
    rows: Rows,
    open_chains: Sequence[BacktestChain],
    open_cycles: Sequence[BacktestCycle],
    *,
    checkpoint: bytes,
    progress: Progress,
    curve: bytes,
    points: int,
) -> Part:
    """A part out of what the engine gave. `curve` is that of the part before (empty: there was none), `points` how
    many bars the equity had before."""
    return Part(
        checkpoint=checkpoint,
        progress=progress,
        steps=len(rows.steps.time),
        step_block=to_block(rows.steps),
        points=len(rows.equity.time),
        equity_block=to_block(rows.equity),
        chains=[(chain.number, to_json(chain)) for chain in (*rows.chains, *open_chains)],
        cycles=[(cycle.number, to_json(cycle)) for cycle in (*rows.cycles, *open_cycles)],
        curve=_thinned(curve, points, rows.equity, max(progress.bars_total // CURVE, 1)),
    )


def _thinned(curve: bytes, points: int, equity: Equity, stride: int) -> bytes:
    """The thinned equity with that of a part behind it. Which bars stay depends on their numbers alone, so it is the
    same however the run was cut."""
    numbers = np.arange(points, points + len(equity.time))
    kept = numbers % stride == 0
    if len(kept):
        kept[-1] = True
    elif curve:
        return curve
    if not curve:
        return to_block(taken(equity, kept))
    before = from_block(Equity, curve)
    regular = -(-points // stride)
    return to_block(joined(Equity, (taken(before, slice(0, regular)), taken(equity, kept))))


def thinned(equity: Equity, most: int) -> Equity:
    """At most so many points that lie evenly, first and last among them."""
    count = len(equity.time)
    return taken(equity, np.round(np.linspace(0, count - 1, min(most, count))).astype(np.int64))


def newest_steps(blocks: Sequence[bytes]) -> Steps:
    """The decisions of some blocks, in their order."""
    return joined(Steps, (from_block(Steps, block) for block in blocks))
