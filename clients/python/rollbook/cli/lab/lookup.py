"""Runs and datasets by the beginning of their ids, and how few letters of an id tell it from others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rollbook import Lab
from rollbook.cli.failures import Stop
from rollbook.errors import NotFound
from rollbook.models import Dataset, DatasetKind

SHORTEST = 8
"""Letters of an id's number that are shown at least."""


def find_run(lab: Lab, said: str) -> str:
    """The id of the run that is meant. Raises NotFound, and Stop where several begin so."""
    found = []
    for run in lab.iterate_backtests(page_size=500):
        if run.backtest_id == said:
            return said
        if said and run.backtest_id.startswith(said):
            found.append(run.backtest_id)
    if not found:
        raise NotFound(f"there is no run {said}", reason="BACKTEST_NOT_FOUND")
    return _only(found, said, "runs")


def find_sweep(lab: Lab, said: str) -> str:
    """The id of the sweep that is meant. Raises as `find_run` does."""
    found = []
    for sweep in lab.iterate_sweeps(page_size=500):
        if sweep.sweep_id == said:
            return said
        if said and sweep.sweep_id.startswith(said):
            found.append(sweep.sweep_id)
    if not found:
        raise NotFound(f"there is no sweep {said}", reason="SWEEP_NOT_FOUND")
    return _only(found, said, "sweeps")


def find_dataset(
    lab: Lab, said: str, kind: DatasetKind = DatasetKind.UNSPECIFIED, underlying: str = "", *, field: str = ""
) -> str:
    """The id of the dataset that is meant, by the beginning of its id, or by its name. Raises as `find_run` does."""
    return pick_dataset(list(lab.iterate_datasets(kind=kind, underlying=underlying, page_size=500)), said, field)


def pick_dataset(datasets: Sequence[Dataset], said: str, field: str = "") -> str:
    """The id of that which is meant, of these."""
    for found in (
        [each.dataset_id for each in datasets if each.dataset_id == said],
        [each.dataset_id for each in datasets if said and each.dataset_id.startswith(said)],
        [each.dataset_id for each in datasets if each.name == said],
    ):
        if found:
            return _only(found, said, "datasets")
    raise NotFound(f"there is no dataset {said}", reason="DATASET_NOT_FOUND", field=field)


def _only(found: Sequence[str], said: str, noun: str) -> str:
    if len(found) > 1:
        few = ", ".join(shortened(found)[:5]) + (", …" if len(found) > 5 else "")
        raise Stop(f"{said} may be one of {len(found)} {noun} ({few}): say more of it")
    return found[0]


def shortened(ids: Iterable[str]) -> list[str]:
    """The ids, cut to as many letters as tell them apart; what a dataset's id begins with is no part of its number."""
    whole = list(ids)
    longest = max(map(len, whole), default=0)
    length = SHORTEST
    while length < longest and len({cut(each, length) for each in whole}) < len(set(whole)):
        length += 1
    return [cut(each, length) for each in whole]


def cut(name: str, length: int = SHORTEST) -> str:
    """The first letters of an id: of a UUID, or of what stands behind btc-bars-."""
    head, _, number = name.rpartition("-")
    return name[: (0 if re.fullmatch(r"[0-9a-f-]*", head) else len(name) - len(number)) + length]
