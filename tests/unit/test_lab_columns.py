"""Columns as bytes: the same after the way there and back, and the same thinned however a run was cut."""

from __future__ import annotations

import hashlib
import random
import zlib
from typing import Any

import numpy as np
import pytest

from rollbook_server.domain.backtest.rows import Equity, Rows, Steps
from rollbook_server.domain.backtest.runs import CURVE, Progress
from rollbook_server.storage.columns import digest_columns, from_block, joined, names, taken, to_block
from rollbook_server.storage.parts import pack

STEPS = Steps(
    time=np.array([1, 2], np.int64),
    index_price=np.array([1.5, 2.5]),
    candidates=np.array([3, 0], np.int32),
    best_score=np.array([0.1, np.nan]),
    best_expiry=np.array([9, 0], np.int64),
    best_strike=np.array([100.0, 0.0]),
    outcome=np.array([0, 2], np.int8),
    chain_number=np.array([1, 0], np.int32),
)


def _equity(rows: int) -> Equity:
    numbers = np.arange(rows)
    columns: dict[str, Any] = {name: numbers * 1.25 + place for place, name in enumerate(names(Equity))}
    return Equity(**{**columns, "time": numbers, "open_chains": numbers.astype(np.int32)})


def test_a_block_there_and_back() -> None:
    """Values, NaN and types of all columns are kept."""
    read = from_block(Steps, to_block(STEPS))
    for name in names(Steps):
        before, after = getattr(STEPS, name), getattr(read, name)
        assert after.dtype == before.dtype
        np.testing.assert_array_equal(after, before)


def test_a_block_of_nothing() -> None:
    """A part without decisions has a block, too."""
    nothing = taken(STEPS, slice(0, 0))
    assert len(from_block(Steps, to_block(nothing)).time) == 0
    assert len(joined(Steps, []).time) == 0


@pytest.mark.parametrize(
    "block", [b"", b"no zlib", zlib.compress(b"no head"), to_block(_equity(2))], ids=["empty", "bytes", "text", "other"]
)
def test_what_is_no_block_is_refused(block: bytes) -> None:
    """Bytes that are no block of this kind are refused in words."""
    with pytest.raises(ValueError, match="Steps"):
        from_block(Steps, block)


def test_a_digest_does_not_depend_on_the_cut() -> None:
    """Columns that are joined from parts have the digest of the whole."""
    whole, cut = hashlib.sha256(), hashlib.sha256()
    equity = _equity(50)
    digest_columns(equity, whole)
    parts = [from_block(Equity, to_block(taken(equity, slice(n, n + 7)))) for n in range(0, 50, 7)]
    digest_columns(joined(Equity, parts), cut)
    assert whole.digest() == cut.digest()


@pytest.mark.parametrize("total", [1, 7, CURVE, CURVE + 1, 3 * CURVE + 11])
def test_a_thinned_equity_does_not_depend_on_the_cut(total: int) -> None:
    """Of a run of any length, cut anywhere, some 200 points stay, evenly, with the first and the newest."""
    equity, chance = _equity(total), random.Random(total)

    def thinned(*ends: int) -> list[int]:
        curve, first = b"", 0
        for end in (*ends, total):
            rows = Rows(taken(STEPS, slice(0, 0)), taken(equity, slice(first, end)))
            progress = Progress(bars_done=end, bars_total=total)
            curve = pack(rows, (), (), checkpoint=b"", progress=progress, curve=curve, points=first).curve
            first = end
            seen = from_block(Equity, curve).time.tolist()
            assert not end or (seen[0], seen[-1]) == (0, end - 1)
        times: list[int] = from_block(Equity, curve).time.tolist()
        return times

    whole = thinned()
    assert min(total, CURVE) <= len(whole) <= 2 * CURVE
    assert len(np.unique(np.diff(whole[:-1]))) <= 1
    for _ in range(5):
        assert thinned(*sorted(chance.choices(range(total + 1), k=chance.randrange(1, 6)))) == whole
