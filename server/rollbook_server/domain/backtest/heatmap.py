"""Two fields of a sweep against each other. Fields are named as in the API."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rollbook_server.domain.backtest.sweeps import SweepAxis
from rollbook_server.domain.errors import InvalidArgument, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatmapCell:
    """What points with some values of two fields came to."""

    points: int
    median: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heatmap:
    """Two fields against each other; cells row by row."""

    row_field: str
    column_field: str
    row_values: tuple[str, ...]
    column_values: tuple[str, ...]
    cells: tuple[HeatmapCell, ...]


def heatmap_axes(axes: Sequence[SweepAxis], fields: Sequence[str]) -> tuple[int, int] | None:
    """The places of the two axes of a heatmap; None where there are no two. Raises InvalidArgument."""
    places = {axis.field: place for place, axis in enumerate(axes)}
    if not fields:
        several = [place for place, axis in enumerate(axes) if len(axis.values) > 1]
        return (several[0], several[1]) if len(several) > 1 else None
    if len(fields) != 2:
        raise InvalidArgument(Reason.OUT_OF_BOUNDS, "a heatmap has two fields", "heatmap_fields")
    for number, field in enumerate(fields):
        if field not in places:
            raise InvalidArgument(
                Reason.OUT_OF_BOUNDS, f"{field[:80]!r} is no axis of this sweep", f"heatmap_fields[{number}]"
            )
    if fields[0] == fields[1]:
        raise InvalidArgument(Reason.CONTRADICTION, "a heatmap has two different fields", "heatmap_fields[1]")
    return places[fields[0]], places[fields[1]]


def heatmap(
    axes: Sequence[SweepAxis], places: tuple[int, int], points: Sequence[tuple[Sequence[str], float]]
) -> Heatmap:
    """Two axes against each other: in each cell the median over the points that have its values, whatever their other
    ones. Points come with their values of all axes and their figure. One that leaves a field out is in a row or column
    of its own behind the others."""
    rows, columns = (
        tuple(dict.fromkeys((*axes[place].values, *(texts[place] for texts, _ in points)))) for place in places
    )
    cells: dict[tuple[str, str], list[float]] = {(row, column): [] for row in rows for column in columns}
    for texts, value in points:
        cells[texts[places[0]], texts[places[1]]].append(value)
    return Heatmap(
        row_field=axes[places[0]].field,
        column_field=axes[places[1]].field,
        row_values=rows,
        column_values=columns,
        cells=tuple(
            HeatmapCell(points=len(values), median=statistics.median(values) if values else None)
            for values in cells.values()
        ),
    )
