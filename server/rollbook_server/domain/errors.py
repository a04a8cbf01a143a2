"""Why a command is refused.

    Refusal
    ├── InvalidArgument      the command contradicts its form or itself
    ├── NotFound             what it names is not there
    ├── FailedPrecondition   it does not fit what is recorded
    ├── AlreadyExists        its id was used for other content
    ├── OutOfRange           a cursor of another ledger or of the future
    ├── ResourceExhausted    too many commands wait
    └── Unavailable          it could not be committed; send it again

Each carries a `Reason` (the names of the API's ErrorReason), a sentence, the field, and details.
"""

import enum
from collections.abc import Mapping


class Reason(enum.StrEnum):
    """The API's ErrorReason without its prefix."""

    MISSING_FIELD = "MISSING_FIELD"
    UNKNOWN_FIELD = "UNKNOWN_FIELD"
    UNSPECIFIED_VALUE = "UNSPECIFIED_VALUE"
    UNKNOWN_VALUE = "UNKNOWN_VALUE"
    MALFORMED_DECIMAL = "MALFORMED_DECIMAL"
    OUT_OF_BOUNDS = "OUT_OF_BOUNDS"
    MALFORMED_TEXT = "MALFORMED_TEXT"
    TOO_LARGE = "TOO_LARGE"
    MALFORMED_SYMBOL = "MALFORMED_SYMBOL"
    INSTRUMENT_MISMATCH = "INSTRUMENT_MISMATCH"
    FEE_CURRENCY_MISMATCH = "FEE_CURRENCY_MISMATCH"
    MIXED_CURRENCIES = "MIXED_CURRENCIES"
    CONTRADICTION = "CONTRADICTION"
    INVALID_PAGE_TOKEN = "INVALID_PAGE_TOKEN"
    MALFORMED_DATA = "MALFORMED_DATA"
    POSITION_NOT_FOUND = "POSITION_NOT_FOUND"
    NO_CHAIN_HOLDS_CONTRACT = "NO_CHAIN_HOLDS_CONTRACT"
    BACKTEST_NOT_FOUND = "BACKTEST_NOT_FOUND"
    DATASET_NOT_FOUND = "DATASET_NOT_FOUND"
    FILE_NOT_FOUND = "FILE_NOT_FOUND"
    SWEEP_NOT_FOUND = "SWEEP_NOT_FOUND"
    HISTORY_NOT_FOUND = "HISTORY_NOT_FOUND"
    AMBIGUOUS_CONTRACT = "AMBIGUOUS_CONTRACT"
    CHAIN_MISMATCH = "CHAIN_MISMATCH"
    POSITION_EXISTS = "POSITION_EXISTS"
    POSITION_NOT_OPEN = "POSITION_NOT_OPEN"
    CLOSES_MORE_THAN_OPEN = "CLOSES_MORE_THAN_OPEN"
    CONTRACT_EXPIRED = "CONTRACT_EXPIRED"
    WRONG_SIDE = "WRONG_SIDE"
    ORDER_OF_OTHER_CHAIN = "ORDER_OF_OTHER_CHAIN"
    SETTLED_AT_OTHER_PRICE = "SETTLED_AT_OTHER_PRICE"
    NOT_EXPIRED = "NOT_EXPIRED"
    BATCH_REFUSED = "BATCH_REFUSED"
    LAB_UNAVAILABLE = "LAB_UNAVAILABLE"
    BACKTEST_ENDED = "BACKTEST_ENDED"
    BACKTEST_NOT_ENDED = "BACKTEST_NOT_ENDED"
    SWEEP_ENDED = "SWEEP_ENDED"
    ENGINE_CHANGED = "ENGINE_CHANGED"
    CHAIN_NOT_COMPARABLE = "CHAIN_NOT_COMPARABLE"
    MARKET_UNKNOWN = "MARKET_UNKNOWN"
    VENUE_REFUSED = "VENUE_REFUSED"
    VENUE_ANSWER_UNKNOWN = "VENUE_ANSWER_UNKNOWN"
    REQUEST_ID_REUSED = "REQUEST_ID_REUSED"
    TRADE_CONFLICT = "TRADE_CONFLICT"
    STALE_CURSOR = "STALE_CURSOR"
    QUEUE_FULL = "QUEUE_FULL"
    STORAGE_FAILED = "STORAGE_FAILED"
    STOPPING = "STOPPING"
    VENUE_UNAVAILABLE = "VENUE_UNAVAILABLE"


class Refusal(Exception):
    """A command is refused; nothing of it is recorded."""

    def __init__(self, reason: Reason, message: str, field: str = "", details: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.field = field
        self.details = dict(details or {})

    def __reduce__(self) -> tuple[type["Refusal"], tuple[Reason, str, str, dict[str, str]]]:
        """As it was made: workers refuse in another process, and an exception's own way passes one argument."""
        return type(self), (self.reason, self.message, self.field, self.details)


class InvalidArgument(Refusal):
    """The command contradicts its form or itself; the same command will always be refused."""


class NotFound(Refusal):
    """What the command names is not there."""


class FailedPrecondition(Refusal):
    """The command does not fit what is recorded."""


class AlreadyExists(Refusal):
    """An id was used for other content."""


class OutOfRange(Refusal):
    """A cursor of another ledger or of the future."""


class ResourceExhausted(Refusal):
    """Too many commands wait; the same command can be sent again."""


class Unavailable(Refusal):
    """The command could not be committed; the same command can be sent again."""
