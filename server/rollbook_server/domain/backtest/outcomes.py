"""What a decision came to, and where a run stands. Without numpy: the API's enums are matched where the lab is not
installed, too."""

import enum


class StepOutcome(enum.StrEnum):
    """What a decision came to; the place in this order is its code in `Steps.outcome`."""

    TRADED = "TRADED"
    MAX_OPEN_CHAINS = "MAX_OPEN_CHAINS"
    NO_CANDIDATES = "NO_CANDIDATES"
    BELOW_MIN_SCORE = "BELOW_MIN_SCORE"
    NO_BID = "NO_BID"
    NO_DATA = "NO_DATA"
    BELOW_COST = "BELOW_COST"


class BacktestState(enum.StrEnum):
    """Where a run stands."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def ended(self) -> bool:
        """Whether it is over for good."""
        return self in _ENDED


_ENDED = frozenset((BacktestState.SUCCEEDED, BacktestState.FAILED, BacktestState.CANCELLED))


class DatasetKind(enum.StrEnum):
    """What a dataset holds."""

    BARS = "BARS"
    VOLATILITY = "VOLATILITY"
    OPTION_CHAINS = "OPTION_CHAINS"


class HistoryKind(enum.StrEnum):
    """What can be fetched of a venue's public history."""

    BARS = "BARS"
    VOLATILITY = "VOLATILITY"
    DELIVERY_PRICES = "DELIVERY_PRICES"
    INSTRUMENTS = "INSTRUMENTS"


class TrainingRows(enum.StrEnum):
    """Which rows of training data: what a run did, or all that it could have done."""

    EXAMPLES = "EXAMPLES"
    CANDIDATES = "CANDIDATES"


class TrainingFormat(enum.StrEnum):
    """How training data is written; the value in small letters is the end of a file's name."""

    CSV = "CSV"
    JSONL = "JSONL"
    PARQUET = "PARQUET"


class ParityFlag(enum.StrEnum):
    """What of a parity is a guess."""

    MODELLED_QUOTES = "MODELLED_QUOTES"
    PROXY_DELIVERY = "PROXY_DELIVERY"
    SYNTHETIC_DATA = "SYNTHETIC_DATA"
    MID_FILLS = "MID_FILLS"
    WITHOUT_OFFER = "WITHOUT_OFFER"
    SIMULATED_FILLS = "SIMULATED_FILLS"
    ESTIMATED_FEES = "ESTIMATED_FEES"
