"""What the view System says: the server, how far the page is behind it, its last check, and what it refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from rollbook import Cursor, RefusedExecution
from rollbook.models import GetServerStatusResponse
from rollbook_web.numbers import Figure, age, count, moment, things, unknown
from rollbook_web.pages.tables import Fact, Table

CHECK = "rollbook-server check --db FILE"
"""What proves that the ledger's tables are its journal's."""


def server(status: GetServerStatusResponse, target: str, now: datetime) -> list[Fact]:
    """The server itself."""
    return [
        Fact("Address", Figure(target)),
        Fact("rollbook-server", Figure(status.version)),
        Fact("SQLite", Figure(status.sqlite_version)),
        Fact("Running since", _since(status.start_time, now)),
        Fact("Its clock", moment(status.clock_time, "the server says none", seconds=True)),
        Fact("Watchers", Figure(f"{status.watchers:,}", "streams that are being watched now, those of this page too")),
        Fact("Commands that wait", count(status.queued_commands)),
        Fact("Chains in memory", count(status.cached_chains)),
    ]


def ledger(status: GetServerStatusResponse, cursor: Cursor | None, now: datetime) -> list[Fact]:
    """The ledger, how far the page has come in it, and its last check."""
    facts = [
        Fact("Ledger", _short(status.ledger_id)),
        Fact("Revision", count(status.revision)),
        Fact("Head of its journal", _short(status.head_hash)),
        Fact("This page has", _behind(status, cursor)),
    ]
    if status.last_check_time is None:
        facts.append(Fact("Last check", Figure("never"), f"Prove the ledger against its journal: {CHECK}"))
        return facts
    unproved = status.revision - status.last_check_revision
    checked = _since(status.last_check_time, now)
    facts.append(
        Fact(
            "Last check",
            Figure(f"passed {checked.text}", f"{checked.title}, revision {status.last_check_revision}"),
            f"{things(unproved, 'revision')} since: {CHECK}" if unproved > 0 else "",
        )
    )
    return facts


def lab(status: GetServerStatusResponse) -> list[Fact]:
    """The lab."""
    idle = unknown("nobody has used the lab since the server started, or it has none")
    return [
        Fact("Lab", _short(status.lab_id) if status.lab_id else idle),
        Fact("Revision", count(status.lab_revision) if status.lab_id else idle),
        Fact("Backtests that run", count(status.running_backtests)),
        Fact("Backtests that wait", count(status.queued_backtests)),
        Fact("Sweeps that run", count(status.running_sweeps)),
        Fact("Sweeps that wait", count(status.queued_sweeps)),
    ]


def counted(refusals: Sequence[RefusedExecution]) -> Table:
    """By reason: how many are open, and how many are resolved; most open ones first."""
    found: Counter[tuple[str, bool]] = Counter((reason_of(each), bool(each.resolved_revision)) for each in refusals)
    reasons = {reason for reason, _ in found}
    ordered = sorted(reasons, key=lambda reason: (-found[reason, False], -found[reason, True], reason))
    rows = tuple((reason, (count(found[reason, False]), count(found[reason, True]))) for reason in ordered)
    return Table("By reason", ("Reason", "Open", "Resolved"), rows)


def refusal_cells(refusal: RefusedExecution) -> list[Figure]:
    """A refusal as a row, without its mode and state."""
    said = refusal.refusal
    field = f" ({said.field})" if said is not None and said.field else ""
    return [
        moment(refusal.last_time, "the server says none", seconds=True),
        Figure(refusal.account),
        Figure(what_of(refusal), refusal.request_id),
        Figure(reason_of(refusal) + field, said.message if said is not None else ""),
        Figure(said.message if said is not None else ""),
        Figure(f"{refusal.attempts:,}", f"the first one at {moment(refusal.first_time).title}"),
    ]


REFUSAL_HEADS = ["Last tried (UTC)", "Account", "What", "Reason", "Message", "Attempts"]


def what_of(refusal: RefusedExecution) -> str:
    """Which kind of command it was."""
    if refusal.execution is not None:
        symbols = sorted({fill.symbol for fill in refusal.execution.fills})
        return " ".join([str(refusal.execution.action), *symbols[:2]])
    if refusal.fills is not None:
        return things(len(refusal.fills.fills), "late fill")
    if refusal.settlement is not None:
        return "settlement"
    return "too large to be kept"


def reason_of(refusal: RefusedExecution) -> str:
    """Its reason."""
    return refusal.refusal.reason if refusal.refusal is not None and refusal.refusal.reason else "unknown reason"


def _short(name: str) -> Figure:
    """The beginning of an id or a digest."""
    return Figure(f"{name[:8]} …", name)


def _behind(status: GetServerStatusResponse, cursor: Cursor | None) -> Figure:
    if cursor is None:
        return unknown("its picture of the ledger is not complete yet")
    if cursor.ledger_id != status.ledger_id:
        return Figure("another ledger", f"{cursor.ledger_id}: the page is starting over")
    lag = status.revision - cursor.revision
    return Figure(f"revision {cursor.revision:,}" + (f", {lag:,} behind" if lag > 0 else ", all of it"))


def _since(time: datetime | None, now: datetime) -> Figure:
    if time is None:
        return unknown("the server says none")
    return Figure(f"{age(now - time)} ago", moment(time).title)
