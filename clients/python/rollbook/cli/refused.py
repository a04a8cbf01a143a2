"""`rollbook refused`: what was executed and is missing from the book."""

from __future__ import annotations

from rich.text import Text

from rollbook.cli import figures
from rollbook.cli.answers import gathered, print_json
from rollbook.cli.connection import Session
from rollbook.cli.entries import of_execution, of_fill, of_kind, of_order
from rollbook.cli.figures import count
from rollbook.cli.groups import mode_title
from rollbook.cli.tables import Page
from rollbook.models import Mode, Refusal, RefusedExecution


def show_refused(session: Session, mode: Mode, include_resolved: bool, limit: int) -> None:
    """Asks and prints."""
    with session.client() as client:
        answer = gathered(
            client.list_refused_executions,
            "refusals",
            limit,
            mode=mode,
            include_resolved=include_resolved,
        )
    if session.json:
        print_json(answer)
        return
    page = Page()
    if not answer.refusals:
        page.line("Nothing is refused." if include_resolved else "Nothing that was refused waits for a correction.")
    for refusal in answer.refusals:
        _block(page, refusal)
    if answer.next_page_token:
        page.line(f"These are the newest {limit}: raise --limit, or say 0 for all.")


def _block(page: Page, refused: RefusedExecution) -> None:
    """One refusal: a sentence does not fit into a table."""
    refusal = refused.refusal or Refusal()
    head = [figures.second(refused.last_time), refused.account, mode_title(refused.mode), _what(refused)]
    if refused.attempts > 1:
        head.append(f"{count(refused.attempts, 'attempt')} since {figures.second(refused.first_time)}")
    if refused.resolved_revision:
        head.append(f"corrected by revision {refused.resolved_revision}")
    page.line(Text(" · ".join(filter(None, head)), style="bold"))
    where = f" at {refusal.field}" if refusal.field else ""
    page.lines(f"  {refusal.reason}{where}: {refusal.message}")
    for detail in _details(refused):
        page.lines(f"  {detail}")
    page.notes([f"  request_id {refused.request_id}"])


def _what(refused: RefusedExecution) -> str:
    if refused.execution is not None:
        return of_kind(refused.execution)
    return "late fills" if refused.fills else "settlement" if refused.settlement else ""


def _details(refused: RefusedExecution) -> list[str]:
    if refused.execution is not None:
        return list(of_execution(refused.execution))
    if refused.fills is not None:
        return [*map(of_fill, refused.fills.fills), *map(of_order, refused.fills.orders)]
    if refused.settlement is not None:
        said = refused.settlement
        return [f"{said.symbol or said.index_name} at {figures.exact([said.delivery_price])[0]}"]
    return ["It was too large to be kept."]
