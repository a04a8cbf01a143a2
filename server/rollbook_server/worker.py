"""What the lab's worker processes do: parts of runs, their figures, and the reading of data.

Functions of values, so that any executor can run them: everything that is needed comes with the call, and what comes
back is all there is. Only the server writes lab.db. It imports this module to name its functions, and must not load
what is compiled: engine, figures and readers of files are imported where they are used.
"""

import functools
import hashlib
import resource
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from rollbook_server.domain.backtest.followed import Followed
from rollbook_server.domain.backtest.history import HistoryOrder
from rollbook_server.domain.backtest.market import Bars, MarketData, OptionChains, VolatilityIndex
from rollbook_server.domain.backtest.outcomes import DatasetKind
from rollbook_server.domain.backtest.registered import Dataset, DroppedRows
from rollbook_server.domain.backtest.rows import BacktestChain, BacktestCycle, Equity, Steps
from rollbook_server.domain.backtest.runs import MEASURING, SIMULATING, Backtest, Progress
from rollbook_server.domain.backtest.spec import BacktestSpec
from rollbook_server.domain.backtest.walk_forward import Window, WindowRun, period, together
from rollbook_server.domain.clock import Micros
from rollbook_server.domain.errors import InvalidArgument, Reason, Refusal
from rollbook_server.storage.columns import digest_columns, from_block, joined, to_block
from rollbook_server.storage.dataset_files import DatasetFolder
from rollbook_server.storage.facts import from_json, to_json
from rollbook_server.storage.parts import Part, pack, thinned
from rollbook_server.storage.sweep_store import ChosenWindow, DonePoint

if TYPE_CHECKING:
    from rollbook_server.domain.backtest.engine import Prepared
    from rollbook_server.domain.backtest.parity import ChainParity
    from rollbook_server.domain.backtest.synthetic import SyntheticMarket

P = ParamSpec("P")
T = TypeVar("T")

CURVE_OF_POINT = 50
"""Points of the equity that is kept of a sweep's point, at most."""


class RunFailed(Exception):
    """A run cannot go on; the message says why."""


@dataclass(frozen=True, slots=True)
class Material:
    """What is simulated, on which data: content hashes of spot, volatility and quotes (empty: none)."""

    folder: Path
    spot: str
    volatility: str
    quotes: str
    spec: BacktestSpec


@dataclass(frozen=True, slots=True)
class Simulated:
    """A part of a run, the seconds that it took, and the most memory that the process has held, in bytes."""

    part: Part
    bars: int
    seconds: float
    peak_memory: int


@dataclass(frozen=True, slots=True)
class PointsOrder:
    """Points of a sweep that are to be run: on which data (the spec of `material` is the sweep's own), where their
    in-sample parts begin, the windows of several folds (empty for one), and the metric that they are ranked by."""

    material: Material
    from_time: Micros
    windows: Sequence[Window]
    rank_by: str
    points: Sequence[tuple[int, BacktestSpec]]
    """The number of each, and what it runs out of sample."""


@dataclass(frozen=True, slots=True)
class SimulatedPoints:
    """What came of points, the seconds that it took, and the most memory that the process has held, in bytes."""

    points: Sequence[DonePoint]
    seconds: float
    peak_memory: int


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of a run, as JSON, and the digest of all that it brought forth."""

    metrics: str
    result_digest: str
    peak_memory: int


def failing(function: Callable[P, T]) -> Callable[P, T]:
    """Whatever goes wrong becomes a RunFailed: an exception that cannot be sent would end the worker."""

    @functools.wraps(function)
    def call(*args: P.args, **more: P.kwargs) -> T:
        try:
            return function(*args, **more)
        except Refusal as refusal:
            raise RunFailed(refusal.message) from None
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(last.filename).name}:{last.lineno}"
            raise RunFailed(f"{type(error).__name__}: {error} ({where})") from None

    return call


@failing
def simulate(
    material: Material, checkpoint: bytes | None, progress: Progress, bars: int, points: int, curve: bytes
) -> Simulated:
    """The next part of a run, from its checkpoint (None: its beginning), at most so many bars. `points` and `curve`
    are what its equity has until now."""
    from rollbook_server.domain.backtest import engine

    prepared = prepared_of(material)
    state = engine.begin(prepared) if checkpoint is None else engine.State.decode(checkpoint)
    started = time.perf_counter()
    after, rows = engine.advance(prepared, state, bars)
    seconds = time.perf_counter() - started
    reached = replace(
        progress,
        phase=MEASURING if after.finished else SIMULATING,
        bars_done=after.bars_done,
        bars_total=prepared.bars_total,
        decisions_done=after.decisions_done,
        decisions_total=prepared.decisions_total,
        simulated_time=after.simulated_time,
        seconds=progress.seconds + seconds,
    )
    still_open = () if after.finished else engine.open_chains(prepared, after)
    turning = () if after.finished else engine.open_cycles(prepared, after)
    part = pack(rows, still_open, turning, checkpoint=after.encode(), progress=reached, curve=curve, points=points)
    return Simulated(part, after.bars_done - state.bars_done, seconds, _peak_memory())


@failing
def measure(
    material: Material,
    ended: bool,
    steps: Sequence[bytes],
    equity: Sequence[bytes],
    chains: Sequence[str],
    cycles: Sequence[str],
) -> Measured:
    """The figures of a run that has ended; of one that goes on, those that can be told so far."""
    from rollbook_server.domain.backtest.conclusion import conclude
    from rollbook_server.domain.backtest.metrics import measure as measure_so_far

    all_steps, all_equity, all_chains = unpacked(steps, equity, chains)
    all_cycles = [from_json(BacktestCycle, text) for text in cycles]
    if not ended:
        metrics = measure_so_far(material.spec, all_equity, all_chains, all_steps, all_cycles)
        return Measured(to_json(metrics), "", _peak_memory())
    digest = hashlib.sha256()
    digest_columns(all_steps, digest)
    digest_columns(all_equity, digest)
    for text in (*chains, *cycles):
        digest.update(text.encode() + b"\n")
    metrics = conclude(material.spec, data_of(material), all_equity, all_chains, all_steps, all_cycles)
    return Measured(to_json(metrics), digest.hexdigest(), _peak_memory())


@failing
def simulate_points(order: PointsOrder) -> SimulatedPoints:
    """Points of a sweep, each in sample and out of sample. One that is refused fails alone."""
    from rollbook_server.domain.backtest.sweep_runs import in_sample, out_of_sample
    from rollbook_server.domain.backtest.sweeps import figure

    data = data_of(order.material)
    started = time.perf_counter()
    done: list[DonePoint] = []
    best: dict[int, tuple[float, int, WindowRun]] = {}
    for number, spec in order.points:
        windows = order.windows or [period(spec)]
        try:
            splits = [begin for begin, _ in windows]
            chose = in_sample(spec, data, order.from_time, splits, order.rank_by)
            runs = out_of_sample(spec, data, windows)
        except Refusal as refusal:
            done.append(DonePoint(number=number, error=refusal.message))
            continue
        metrics, equity = together(runs)
        done.append(
            DonePoint(
                number=number,
                metrics=to_json(metrics),
                equity=to_block(thinned(equity, CURVE_OF_POINT)),
                value=figure(metrics, order.rank_by),
                in_sample_value=None if order.windows else chose[0],
            )
        )
        for fold, (value, run) in enumerate(zip(chose, runs, strict=True), 1):
            if order.windows and value is not None and (fold not in best or value > best[fold][0]):
                best[fold] = value, number, run
    chosen = [(number, _chosen(fold, value, run)) for fold, (value, number, run) in best.items()]
    points = [replace(each, chosen=[window for number, window in chosen if number == each.number]) for each in done]
    return SimulatedPoints(points, time.perf_counter() - started, _peak_memory())


def _chosen(fold: int, value: float, run: WindowRun) -> ChosenWindow:
    """What a point brought forth in the window of a fold, as it is stored."""
    return ChosenWindow(
        fold=fold,
        in_sample_value=value,
        steps=to_block(run.steps),
        equity=to_block(run.equity),
        chains=[to_json(chain) for chain in run.chains],
        cycles=[to_json(cycle) for cycle in run.cycles],
    )


def report(
    run: Backtest,
    datasets: Mapping[str, Dataset],
    steps: Sequence[bytes],
    equity: Sequence[bytes],
    chains: Sequence[str],
    cycles: Sequence[str],
) -> str:
    """The page about a run that has ended, from all that it brought forth. `datasets` are those that its spec names."""
    from rollbook_server.domain.backtest.metrics import measure as measure_so_far
    from rollbook_server.domain.backtest.report import About, DatasetLine, render

    all_steps, all_equity, all_chains = unpacked(steps, equity, chains)
    all_cycles = [from_json(BacktestCycle, text) for text in cycles]
    lines = [
        DatasetLine(
            use=use,
            dataset_id=dataset.dataset_id,
            name=dataset.name,
            source=dataset.source,
            content_hash=dataset.content_hash,
            first_time=dataset.first_time,
            last_time=dataset.last_time,
            gaps=dataset.gaps,
            synthetic=dataset.synthetic,
        )
        for use in ("spot", "volatility", "quotes")
        if (dataset := datasets.get(getattr(run.spec.data, f"{use}_dataset_id"))) is not None
    ]
    return render(
        run.spec,
        run.status.metrics or measure_so_far(run.spec, all_equity, all_chains, all_steps, all_cycles),
        all_equity,
        all_chains,
        all_steps,
        all_cycles,
        about=About(
            backtest_id=run.backtest_id,
            state=run.status.state,
            run_digest=run.run_digest,
            result_digest=run.result_digest,
            engine_version=run.engine_version,
            create_time=run.create_time,
            datasets=tuple(lines),
        ),
    )


def parity(material: Material, chain: Followed) -> "ChainParity":
    """A chain of the ledger beside the engine's. Raises Refusal."""
    from rollbook_server.domain.backtest.parity import parity as compared

    return compared(material.spec, data_of(material), chain)


def unpacked(
    steps: Sequence[bytes], equity: Sequence[bytes], chains: Sequence[str]
) -> tuple[Steps, Equity, list[BacktestChain]]:
    """Rows as they are stored."""
    return (
        joined(Steps, (from_block(Steps, block) for block in steps)),
        joined(Equity, (from_block(Equity, block) for block in equity)),
        [from_json(BacktestChain, text) for text in chains],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DataOrder:
    """Data that is to be kept: a file, or a market that is made up."""

    kind: DatasetKind
    underlying: str
    path: Path | None = None
    synthetic: "SyntheticMarket | None" = None
    known_after: Micros | None = None
    quote_currency: str = ""
    """Of option chains: which ones, where a file has several."""
    history: HistoryOrder | None = None
    """What was fetched, in `path`, the folder of all history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Data that is on the disk: what a Dataset says of it, and its gaps."""

    content_hash: str
    rows: int
    first_time: Micros
    last_time: Micros
    interval: Micros
    gaps: Sequence[tuple[Micros, Micros, int]]
    dropped: Sequence[DroppedRows]
    quote_currency: str


def keep(folder: Path, order: DataOrder) -> Kept:
    """Reads or makes data and puts it into the folder. Raises Refusal."""
    from rollbook_server.domain.backtest.content import describe
    from rollbook_server.domain.backtest.datasets import Normalised, normalise
    from rollbook_server.domain.backtest.synthetic import make_bars, make_volatility
    from rollbook_server.storage.dataset_tables import read_table
    from rollbook_server.storage.history_files import read_history

    if order.synthetic is not None:
        make = make_bars if order.kind is DatasetKind.BARS else make_volatility
        normalised = Normalised(make(order.synthetic))
    else:
        assert order.path is not None
        if order.history is None:
            columns = read_table(order.path, order.kind, order.underlying, order.quote_currency)
        else:
            columns = read_history(order.path, order.history)
        normalised = normalise(columns, order.underlying, order.known_after)
    if order.quote_currency not in ("", normalised.quote_currency):
        raise InvalidArgument(
            Reason.CONTRADICTION, f"the chains are quoted in {normalised.quote_currency}", "quote_currency"
        )
    content_hash = DatasetFolder(folder).keep(normalised.data)
    told = describe(normalised.data)
    return Kept(
        content_hash=content_hash,
        rows=told.rows,
        first_time=told.first_time,
        last_time=told.last_time,
        interval=told.interval,
        gaps=[(gap.start_time, gap.end_time, gap.missing_rows) for gap in told.gaps],
        dropped=[DroppedRows(reason=reason, rows=rows) for reason, rows in normalised.dropped.items()],
        quote_currency=normalised.quote_currency,
    )


@functools.lru_cache(maxsize=1)
def prepared_of(material: Material) -> "Prepared":
    from rollbook_server.domain.backtest import engine

    prepared = engine.prepare(material.spec, data_of(material))
    engine.advance(prepared, engine.begin(prepared), 1)  # loads what is compiled, before anybody's clock runs
    return prepared


def data_of(material: Material) -> MarketData:
    return _loaded(material.folder, material.spot, material.volatility, material.quotes)


@functools.lru_cache(maxsize=1)
def _loaded(folder: Path, spot: str, volatility: str, quotes: str) -> MarketData:
    """The data of a run, kept for its next part."""
    kept = DatasetFolder(folder)
    bars = kept.load(spot)
    index = kept.load(volatility) if volatility else None
    chains = kept.load(quotes) if quotes else None
    assert isinstance(bars, Bars)
    assert index is None or isinstance(index, VolatilityIndex)
    assert chains is None or isinstance(chains, OptionChains)
    return MarketData(bars, index, chains)


def _peak_memory() -> int:
    """The most that this process has held at once, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
