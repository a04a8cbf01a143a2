"""Runs of the lab in a process of their own: `python -m tests.bench.lab_run DAYS ROUNDS`. Says one JSON line.

Times are of the processor: the machine may have other work. The bare kernel prices one option at each bar, with smile,
spread and ticks, and nothing else.
"""

import json
import resource
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import polars

from rollbook_server.domain.backtest import engine
from rollbook_server.domain.backtest.market import Bars, Floats, MarketData
from rollbook_server.domain.backtest.quotes import modelled
from rollbook_server.domain.backtest.rows import Rows
from rollbook_server.domain.backtest.spec import ExitStyle
from rollbook_server.domain.backtest.world import NOTHING, Moment, Rules
from rollbook_server.domain.clock import DAY
from tests.support.lab_runs import ALL, HOUR, RECORDED, at, random_bars, resolved

_FILE = RECORDED / "btc_spot_1h_202104_202603.parquet"


def _bars(days: int) -> Bars:
    """Hourly bars of BTC, recorded ones where they lie beside the checkout."""
    if not _FILE.is_file():
        return random_bars(days * 24, seed=1, spot=60_000.0, volatility=0.6, start=at(4, month=4, year=2021))
    table = polars.read_parquet(_FILE).head(days * 24)
    time = table["ts"].str.to_datetime(time_unit="us").dt.epoch("us").to_numpy().astype(np.int64)
    opened, high, low, close = (table[name].to_numpy() for name in ("open", "high", "low", "close"))
    return Bars(time, opened, high, low, close, HOUR)


def _bare(rules: Rules, bars: Any, life: int, asks: Floats) -> None:
    for place in range(len(bars)):
        bar = bars[place]
        moment = Moment(bar.time, bar.close, bar.level_at_close, NOTHING)
        asks[place] = modelled(rules, moment, bar.time + life, 1.1 * bar.close).ask


def _seconds(what: Callable[[], object]) -> float:
    begun = time.process_time()
    what()
    return time.process_time() - begun


def _main(days: int, rounds: int) -> None:
    data = MarketData(_bars(days))
    bare = numba.njit(nogil=True)(_bare)
    said: dict[str, Any] = {"recorded": _FILE.is_file(), "bars": len(data.bars.time), "runs": {}}
    for exit_style in ExitStyle:
        spec = resolved(data, exit_style=exit_style)
        prepared = engine.prepare(spec, data)
        asks = np.empty(prepared.bars_total)

        def run(prepared: engine.Prepared = prepared) -> Rows:
            return engine.advance(prepared, engine.begin(prepared), ALL)[1]

        def price(prepared: engine.Prepared = prepared, asks: Floats = asks) -> None:
            bare(prepared.rules, prepared.market.bars, 9 * DAY, asks)

        said.setdefault("first", _seconds(run))
        price()
        pairs = [(_seconds(price), _seconds(run)) for _ in range(rounds)]
        tracemalloc.start()
        rows = run()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        said["runs"][exit_style.value] = {
            "decisions": prepared.decisions_total,
            "chains": len(rows.chains),
            "bare": [bare_seconds for bare_seconds, _ in pairs],
            "run": [run_seconds for _, run_seconds in pairs],
            "prepare": _seconds(lambda spec=spec: engine.prepare(spec, data)),  # type: ignore[misc]
            "peak": peak,
        }
    said["resident"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(said))


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]))
