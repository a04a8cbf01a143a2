"""What the commands of sweeps draw: a heatmap on pages of any width, with colours and without, and folds."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest

pytest.importorskip("rich", reason="the extra rollbook[cli] is not in this environment")

from rich.console import Console

from rollbook import (
    BacktestMetrics,
    BacktestPerformance,
    BacktestState,
    GetSweepResponse,
    Heatmap,
    HeatmapCell,
    SpecChange,
    Sweep,
    SweepAxis,
    SweepFold,
    SweepPoint,
    WalkForward,
)
from rollbook.cli.lab.sweep_heatmap import heatmap_columns, heatmap_notes
from rollbook.cli.lab.sweep_tables import result_tables
from rollbook.cli.tables import Column, laid_out

START = datetime(2023, 1, 1, tzinfo=UTC)


def sweep(**more: object) -> Sweep:
    values: dict[str, object] = {
        "rank_by": "coin.return_pct",
        "split_time": START,
        "axes": (SweepAxis(field="selection.max_delta", values=("0.2", "0.3")),),
        "state": BacktestState.RUNNING,
        "points_done": 2,
        "points_total": 2,
        "folds": 1,
    }
    return Sweep(**{**values, **more})  # type: ignore[arg-type]


def heatmap(columns: int, *medians: float | None) -> Heatmap:
    """As many rows as there are medians for; -5 to +5 % where none are said."""
    count = len(medians) or 3 * columns
    told = medians or [10 * place / (count - 1) - 5 for place in range(count)]
    return Heatmap(
        row_field="selection.max_delta",
        column_field="exits.take_profit",
        row_values=tuple(f"{number}" for number in range(count // columns)),
        column_values=tuple(f"{number / 100:g}" for number in range(columns)),
        cells=tuple(HeatmapCell(points=1, median=median) for median in told),
    )


def lines(columns: list[Column], width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        console.print(laid_out(columns, width)[0])
    return captured.get().splitlines()


def test_numbers_where_they_fit() -> None:
    """Eight columns are numbers on eighty columns; what is not known is a dash; without colours nothing is said of
    them."""
    drawn = lines(heatmap_columns(sweep(), heatmap(8, *[-3.98, None, 6.4, 0.5] * 4), 80), 80)
    assert drawn[2].split() == ["0", "-3.98", "—", "+6.40", "+0.50", "-3.98", "—", "+6.40", "+0.50"]
    notes = heatmap_notes(sweep(), heatmap(8), 80, coloured=False)
    assert notes == ["Rows: selection.max_delta; columns: exits.take_profit."]
    assert heatmap_notes(sweep(), heatmap(8), 80, coloured=True)[1:] == [
        "The worst, -5.00 %, is orange; the best, +5.00 %, is teal."
    ]


def test_digits_where_numbers_are_too_wide() -> None:
    """Fifteen columns are digits on eighty columns, the worst 0 and the best 9, also without colours; a wide page, as
    in a pipe, has numbers. Where not even digits fit, the last columns are left out."""
    drawn = lines(heatmap_columns(sweep(), heatmap(15), 80), 80)
    assert all(len(line) <= 80 for line in drawn)
    assert drawn[2].split() == ["0", *"000001111222223"]
    assert drawn[4].split()[-1] == "9"
    assert heatmap_notes(sweep(), heatmap(15), 80, coloured=False)[1:] == [
        "The worst, -5.00 %, is 0; the best, +5.00 %, is 9."
    ]
    assert "+5.00" in lines(heatmap_columns(sweep(), heatmap(15), 1000), 1000)[4]
    _, width, left_out = laid_out(heatmap_columns(sweep(), heatmap(40), 80), 80)
    assert width <= 80
    assert left_out[-1] == "0.39"


def test_shades_go_from_the_worst_to_the_best() -> None:
    """Each cell is shaded by its value in its whole width; all alike are shaded alike."""
    first, *_ = heatmap_columns(sweep(), heatmap(1, -1.0, 0.0, 1.0), 80)[1:]
    styles = [str(getattr(cell, "style", "")) for cell in first.cells]
    assert styles == [f"#000000 on rgb({shade})" for shade in ("236,130,80", "245,234,190", "84,190,170")]
    assert len({len(str(cell)) for cell in first.cells}) == 1
    alike, *_ = heatmap_columns(sweep(), heatmap(1, 2.0, 2.0), 80)[1:]
    assert len({str(getattr(cell, "style", "")) for cell in alike.cells}) == 1
    assert len(heatmap_notes(sweep(), heatmap(1, 2.0, 2.0), 80, coloured=True)) == 1


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_screen_of_folds(width: int) -> None:
    """While it goes on, a sweep of several folds shows the point of each window, and below them what they made
    together; a fold without a point is a dash."""
    usd = BacktestPerformance(net_profit=120.5, max_drawdown_pct=8.0)
    folds = (
        SweepFold(
            number=1,
            start_time=START,
            end_time=START + timedelta(days=50),
            chosen=2,
            changes=(SpecChange(field="selection.max_delta", value="0.3"),),
            metrics=BacktestMetrics(usd=usd, closed_chains=5),
            value=3.25,
        ),
        SweepFold(number=2, start_time=START + timedelta(days=50), end_time=START + timedelta(days=100)),
    )
    point = SweepPoint(number=2, changes=folds[0].changes, value=3.0, rank=1)
    answer = GetSweepResponse(sweep=sweep(folds=2), best=(point,), walk_forward=WalkForward(folds=folds))
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        for part in result_tables(answer, console):
            console.print(part)
    drawn = captured.get()
    assert "+3.25 %" in drawn
    assert "2023-02-20" in drawn
    assert "Together" in drawn
    assert "Walk forward: —" in drawn.replace("\n", " ")
    assert "In sample" not in drawn
