"""Candidates that were exported of a run, as arrays: what was known at each decision, what could be done, what it was
worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

Split: TypeAlias = Literal["TRAIN", "VALIDATION", "TEST", "RUN"]
"""RUN is all decisions, those of the embargo too: to look at, not to learn from."""
Reward: TypeAlias = Literal["coin", "usd"]

SCHEMA_VERSION = 1
LIMIT = 1e9
"""No state and no reward lies beyond it. Spaces need limits, and those of the data would tell of its future."""

_STATE, _CANDIDATE = "state_", "state_candidate_"
_SPLITS, _REWARDS = ("TRAIN", "VALIDATION", "TEST", "RUN"), ("coin", "usd")


@dataclass(frozen=True, slots=True)
class Decisions:
    """n decisions in the order of time, with r rows: of each decision one for doing nothing, then one for each contract
    that could be sold. The place of a row in its decision is its action, from 0 on."""

    market_names: tuple[str, ...]
    """The m columns state_… that all rows of a decision share."""
    market: Floats
    """(n, m)"""
    candidate_names: tuple[str, ...]
    """The k columns state_candidate_…."""
    candidates: Floats
    """(r, k); zeros for doing nothing."""
    rewards: Floats
    """(r,) reward_coin or reward_usd: net PnL over collateral times days, a fraction a day."""
    first: Ints
    """(n + 1,) The rows of decision i are those from first[i] to the one before first[i + 1]."""
    number: Ints
    """(n,) Of the decision in its run: column `decision`."""
    taken: Ints
    """(n,) What the run did; -1 where its chain was open at the end of the data, so that nobody knows its reward."""
    most_candidates: int
    """Of a decision, over all splits of the file."""


def read_decisions(candidates: str | Path, split: Split, reward: Reward) -> Decisions:
    """Reads the decisions of a split from a Parquet file of candidates. Raises OSError, and ValueError where it is not
    one, or has no such decision."""
    if split not in _SPLITS:
        raise ValueError(f"split is one of {', '.join(_SPLITS)}, not {split!r}")
    if reward not in _REWARDS:
        raise ValueError(f"reward is coin or usd, not {reward!r}")
    rows = _read(candidates, f"reward_{reward}")
    number = rows["decision"].to_numpy()
    begins = np.diff(number, prepend=-1) != 0
    if (np.diff(number) < 0).any() or not np.array_equal(begins, (rows["action"] == "SKIP").to_numpy()):
        raise ValueError(
            f"{candidates} does not begin each decision with a row for doing nothing: export the run's CANDIDATES, and "
            "keep their order"
        )
    most = int(np.diff(np.flatnonzero(begins), append=len(rows)).max(initial=1)) - 1
    if split != "RUN":
        wanted = (rows["split"] == split).to_numpy()
        rows, number, begins = rows.filter(wanted), number[wanted], begins[wanted]
    if rows.is_empty():
        raise ValueError(f"{candidates} has no decision of {split}")
    names = [name for name in rows.columns if name.startswith(_STATE)]
    own = tuple(name for name in names if name.startswith(_CANDIDATE))
    shared = tuple(name for name in names if name not in own)
    starts = np.flatnonzero(begins)
    return Decisions(
        market_names=shared,
        market=rows.filter(begins).select(shared).to_numpy(),
        candidate_names=own,
        candidates=rows.select(own).to_numpy(),
        rewards=rows[f"reward_{reward}"].to_numpy(),
        first=np.append(starts, len(rows)),
        number=number[starts],
        taken=_taken(begins, (rows["taken"] == 1).to_numpy()),
        most_candidates=most,
    )


def _taken(begins: NDArray[np.bool_], taken: NDArray[np.bool_]) -> Ints:
    """The action that the run took at each decision, -1 where it is not among the rows."""
    starts, of = np.flatnonzero(begins), np.cumsum(begins) - 1
    found = np.full(len(starts), -1, np.int64)
    place = np.flatnonzero(taken)
    found[of[place]] = place - starts[of[place]]
    return found


def _read(file: str | Path, reward: str) -> pl.DataFrame:
    """The columns that are needed, each of its type and without a gap."""
    needed = {"schema_version": pl.Int32, "decision": pl.Int64, "action": pl.String, "taken": pl.Int32,
              "split": pl.String, reward: pl.Float64}  # fmt: skip
    try:
        found = pl.read_parquet_schema(file)
        states = {name: pl.Float64 for name in found if name.startswith(_STATE)}
        for name, kind in {**needed, **states}.items():
            if found.get(name) != kind:
                raise ValueError(f"{file} has no column {name} of {kind}: it is no export of candidates")
        rows = pl.read_parquet(file, columns=[*needed, *states])
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"{file} cannot be read as Parquet: {error}") from error
    versions = rows["schema_version"].unique().to_list()
    if versions not in ([], [SCHEMA_VERSION]):
        raise ValueError(f"{file} has schema version {versions}, and this is made for {SCHEMA_VERSION}")
    for column in rows:
        if column.has_nulls() or (column.dtype == pl.Float64 and not (column.abs() <= LIMIT).all()):
            raise ValueError(f"{file} has a {column.name} that is missing, or no figure within {LIMIT:g}")
    return rows
