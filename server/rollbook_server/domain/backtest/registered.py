"""Data that was registered, and where it has none. Field names are those of the API's Dataset and DatasetGap."""

from dataclasses import dataclass

from rollbook_server.domain.backtest.outcomes import DatasetKind
from rollbook_server.domain.backtest.spec import DatasetFacts
from rollbook_server.domain.clock import SECOND, Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedRows:
    """Why rows were left out, and how many."""

    reason: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """What the lab knows of a dataset."""

    dataset_id: str
    name: str
    kind: DatasetKind
    underlying: str
    content_hash: str
    rows: int
    first_time: Micros
    last_time: Micros
    interval: Micros
    """Between rows, and between snapshots, as usual there; 0 for a single snapshot."""
    gaps: int
    source: str
    create_time: Micros
    quote_currency: str = ""
    dropped_rows: int = 0
    dropped: tuple[DroppedRows, ...] = ()
    synthetic: bool = False

    @property
    def interval_seconds(self) -> int:
        """The same in seconds."""
        return self.interval // SECOND

    @property
    def facts(self) -> DatasetFacts:
        """What a spec is judged against."""
        return DatasetFacts(
            kind=self.kind,
            underlying=self.underlying,
            quote_currency=self.quote_currency,
            first_time=self.first_time,
            last_time=self.last_time,
            interval=self.interval,
        )


def dataset_id_of(kind: DatasetKind, underlying: str, content_hash: str) -> str:
    """The id of a dataset: of its content, and what it was said to be."""
    return f"{underlying}-{kind}-{content_hash[:20]}".lower().replace("_", "-")
