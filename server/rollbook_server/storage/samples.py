"""Histories of value: how they are kept, thinned with age, and read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from rollbook_server.domain.clock import DAY, SECOND, Micros
from rollbook_server.domain.executions import Mode
from rollbook_server.domain.valuation import ValueSample
from rollbook_server.storage import journal
from rollbook_server.storage.facts import from_json, to_json
from rollbook_server.storage.sqlite import Connection

MINUTE: Micros = 60 * SECOND
HOUR: Micros = 60 * MINUTE
MAX_SAMPLES = 2_000_000

THINNED = ((DAY, 10 * MINUTE), (7 * DAY, HOUR), (365 * DAY, DAY))
"""From which age on only the first sample of how long a time is kept."""


class Series(NamedTuple):
    """Whose history: a chain's, or (`position_id` is empty) that of a row of the portfolio."""

    account: str
    position_id: str
    mode: Mode
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePage:
    """A page of a history. `last` is the time of its last sample."""

    revision: int
    samples: Sequence[ValueSample]
    last: int
    more: bool


def keep_samples(db: Connection, samples: Iterable[tuple[Series, ValueSample]]) -> None:
    """Adds samples; the first of an instant stays."""
    db.executemany(
        "INSERT OR IGNORE INTO value_samples VALUES (?, ?, ?, ?, ?, ?)",
        [(*series, sample.time, to_json(sample)) for series, sample in samples],
    )


def last_sampled(db: Connection, series: Series) -> Micros:
    """When the series was sampled last; 0 if never."""
    row = db.execute(
        "SELECT ifnull(max(time), 0) FROM value_samples"
        " WHERE account = ? AND position_id = ? AND mode = ? AND currency = ?",
        series,
    ).fetchone()
    return int(row[0])


def thin_samples(db: Connection, now: Micros) -> None:
    """Forgets what is too fine for its age, from where the last thinning ended, and the oldest beyond the bound."""
    for age, width in THINNED:
        name = f"thinned_to_{width // MINUTE}_minutes"
        upto = (now - age) // width * width
        row = db.execute("SELECT value FROM meta WHERE key = ?", (name,)).fetchone()
        since = int(row[0]) if row else 0
        if upto <= since:
            continue
        db.execute(
            "DELETE FROM value_samples WHERE time >= ? AND time < ? AND EXISTS (SELECT 1 FROM value_samples AS earlier"
            " WHERE earlier.account = value_samples.account AND earlier.position_id = value_samples.position_id"
            " AND earlier.mode = value_samples.mode AND earlier.currency = value_samples.currency"
            " AND earlier.time >= value_samples.time / ? * ? AND earlier.time < value_samples.time)",
            (since, upto, width, width),
        )
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, str(upto)))
    db.execute(
        "DELETE FROM value_samples WHERE position_id <> ''"
        " AND time <= (SELECT time FROM value_samples ORDER BY time DESC LIMIT 1 OFFSET ?)",
        (MAX_SAMPLES,),
    )


def list_samples(
    db: Connection,
    series: Series,
    since: Micros | None,
    before: Micros | None,
    newest_first: bool,
    after: int | None,
    limit: int,
) -> SamplePage:
    """A page of a history; a chain is named by its account and position_id alone."""
    where, values = ["account = ?", "position_id = ?"], list[Any]([series.account, series.position_id])
    if not series.position_id:
        where += ["mode = ?", "currency = ?"]
        values += [series.mode, series.currency]
    for condition, operand in (
        ("time >= ?", since),
        ("time < ?", before),
        ("time < ?" if newest_first else "time > ?", after),
    ):
        if operand is not None:
            where.append(condition)
            values.append(operand)
    rows = db.execute(
        f"SELECT time, sample FROM value_samples WHERE {' AND '.join(where)}"
        f" ORDER BY time {'DESC' if newest_first else 'ASC'} LIMIT ?",
        (*values, limit + 1),
    ).fetchall()
    return SamplePage(
        revision=journal.read_head(db).revision,
        samples=[from_json(ValueSample, row[1]) for row in rows[:limit]],
        last=rows[limit - 1][0] if len(rows) > limit else 0,
        more=len(rows) > limit,
    )
