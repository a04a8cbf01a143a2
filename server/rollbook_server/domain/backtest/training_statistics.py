"""What some training data is, in a few figures, and the hash of its content."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rollbook_server.domain.backtest.outcomes import TrainingRows
from rollbook_server.domain.backtest.training_schema import (
    COLUMNS,
    EMBARGO,
    OPEN,
    SCHEMA_VERSION,
    TEST,
    TRAIN,
    VALIDATION,
)
from rollbook_server.domain.clock import SECOND, Micros
from rollbook_server.domain.instruments import ContractStyle

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardStatistics:
    """Of rows with a chain, in one currency."""

    average: float
    minimum: float
    maximum: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStatistics:
    """Field names are those of the API's TrainingStatistics; None is unset."""

    rows: TrainingRows
    schema_version: int
    data_hash: str
    examples: int
    opened: int
    skipped: int
    unfilled: int
    win_rate: float | None
    reward_coin: RewardStatistics | None
    reward_usd: RewardStatistics | None
    first_decision_time: Micros | None
    last_decision_time: Micros | None
    validation_time: Micros | None
    test_time: Micros | None
    longest_label_seconds: int
    train: int
    validation: int
    test: int
    embargo: int
    open_at_end: int
    without_state: int


class Tally:
    """Counts rows as they go by. The hash depends on the rows alone, not on how they are cut into parts."""

    def __init__(self, style: ContractStyle) -> None:
        self._settled = "coin" if style is ContractStyle.INVERSE else "usd"
        self._digests = {each.name: hashlib.sha256() for each in COLUMNS}
        self._examples = self._opened = self._filled = self._wins = 0
        self._splits = dict.fromkeys((TRAIN, VALIDATION, TEST, EMBARGO), 0)
        self._rewards: dict[str, list[tuple[float, float, float]]] = {"coin": [], "usd": []}
        self._times: list[Micros] = []

    def add(self, columns: Columns) -> None:
        """Takes note of rows with all of COLUMNS."""
        for each in COLUMNS:
            values = columns[each.name]
            if each.type == "str":
                self._digests[each.name].update("".join(f"{text}\n" for text in values.tolist()).encode())
            else:
                self._digests[each.name].update(np.ascontiguousarray(values, f"<{each.type}").tobytes())
        count = len(columns["decision_time"])
        if not count:
            return
        filled = columns["label_filled"] == 1
        self._examples += count
        self._opened += int(np.count_nonzero(columns["action"] == OPEN))
        self._filled += int(np.count_nonzero(filled))
        self._wins += int(np.count_nonzero(columns[f"label_net_pnl_{self._settled}"][filled] > 0))
        for name in self._splits:
            self._splits[name] += int(np.count_nonzero(columns["split"] == name))
        time = columns["decision_time"]
        self._times = [*self._times[:1], int(time[0]), int(time[-1])]
        if filled.any():
            for currency, so_far in self._rewards.items():
                rewards = columns[f"reward_{currency}"][filled]
                so_far.append((float(rewards.sum()), float(rewards.min()), float(rewards.max())))

    def result(
        self, rows: TrainingRows, bounds: tuple[Micros, Micros] | None, longest: Micros, open_at_end: int,
        without_state: int,
    ) -> TrainingStatistics:  # fmt: skip
        """Of all that went by; the rest is said of them."""
        digest = hashlib.sha256()
        for name, column in self._digests.items():
            digest.update(f"{name} {column.hexdigest()}\n".encode())
        return TrainingStatistics(
            rows=rows,
            schema_version=SCHEMA_VERSION,
            data_hash=digest.hexdigest(),
            examples=self._examples,
            opened=self._opened,
            skipped=self._examples - self._opened,
            unfilled=self._opened - self._filled,
            win_rate=self._wins / self._filled if self._filled else None,
            reward_coin=self._reward("coin"),
            reward_usd=self._reward("usd"),
            first_decision_time=self._times[0] if self._times else None,
            last_decision_time=self._times[-1] if self._times else None,
            validation_time=bounds[0] if bounds else None,
            test_time=bounds[1] if bounds else None,
            longest_label_seconds=longest // SECOND,
            train=self._splits[TRAIN],
            validation=self._splits[VALIDATION],
            test=self._splits[TEST],
            embargo=self._splits[EMBARGO],
            open_at_end=open_at_end,
            without_state=without_state,
        )

    def _reward(self, currency: str) -> RewardStatistics | None:
        told = self._rewards[currency]
        if not told:
            return None
        total, least, most = zip(*told, strict=True)
        return RewardStatistics(average=sum(total) / self._filled, minimum=min(least), maximum=max(most))
