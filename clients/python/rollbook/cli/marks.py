"""`rollbook marks`: what contracts are worth."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from rollbook.cli.answers import print_json
from rollbook.cli.connection import Session
from rollbook.cli.documents import check_decimals, parse, read_json
from rollbook.cli.failures import Stop
from rollbook.cli.figures import count
from rollbook.cli.groups import mode_title
from rollbook.cli.options import read_decimal
from rollbook.cli.tables import Page
from rollbook.models import Mark, Mode, UpdateMarksRequest
from rollbook.v1 import ledger_service_pb2


def send_marks(
    session: Session, given: Sequence[str], index: Decimal | None, time: datetime | None, venue: str, mode: Mode
) -> None:
    """Reads, sends and prints."""
    if len(given) == 1 and "=" not in given[0]:
        if index is not None or time is not None:
            raise Stop("--index and --time are for SYMBOL=PRICE: a file says them itself")
        request = _from_file(Path(given[0]))
    else:
        request = UpdateMarksRequest(marks=_typed(given, index, time or datetime.now(UTC)))
    account = request.account or session.account
    its_mode = mode if request.mode is Mode.UNSPECIFIED else request.mode
    with session.client() as client:
        answer = client.update_marks(request.marks, mode=its_mode, venue=request.venue or venue, account=account)
    if session.json:
        print_json(answer)
        return
    page = Page()
    whose = f"of account {account}" if account else "shared by all accounts"
    page.line(f"{mode_title(its_mode)}: {count(answer.accepted, 'mark')} taken, {whose}.")
    if answer.ignored_symbols:
        page.notes([f"Ignored, for a mark as new or newer is there: {', '.join(answer.ignored_symbols)}."])


def _from_file(file: Path) -> UpdateMarksRequest:
    """A request, or a list of marks."""
    said = read_json(file)
    name = "stdin" if str(file) == "-" else file.name
    message = parse({"marks": said} if isinstance(said, list) else said, ledger_service_pb2.UpdateMarksRequest(), name)
    request = UpdateMarksRequest.from_proto(message)
    check_decimals(request, name)
    return request


def _typed(given: Sequence[str], index: Decimal | None, time: datetime) -> tuple[Mark, ...]:
    """Marks from SYMBOL=PRICE."""
    pairs = [each.partition("=") for each in given]
    for symbol, equals, _ in pairs:
        if not (symbol and equals):
            raise Stop(f"{symbol or '='!r} is not SYMBOL=PRICE — for example BTC-27JUN25-100000-C=0.0085")
    coins = sorted({symbol.partition("-")[0].partition("_")[0] for symbol, *_ in pairs})
    if index is not None and len(coins) > 1:
        raise Stop(f"--index is the price of one coin, and these are of {' and '.join(coins)}: send them apart")
    return tuple(
        Mark(symbol=symbol, mark_price=read_decimal(price), index_price=index, mark_time=time)
        for symbol, _, price in pairs
    )
