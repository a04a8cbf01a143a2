"""`rollbook settle`: a final delivery price."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rollbook import new_request_id
from rollbook.cli import flags
from rollbook.cli.answers import print_json
from rollbook.cli.connection import Session
from rollbook.cli.failures import Stop
from rollbook.cli.figures import count, minute, number
from rollbook.cli.groups import mode_title
from rollbook.cli.options import read_decimal
from rollbook.cli.tables import Page
from rollbook.models import Mode, RecordSettlementRequest

USAGE = "say `rollbook settle SYMBOL PRICE`, or `rollbook settle PRICE --index NAME --expiry DAY`"


def settle_contracts(
    session: Session, words: Sequence[str], index: str, expiry: datetime | None, venue: str, mode: Mode
) -> None:
    """Checks, sends and prints."""
    *symbols, price = words
    if len(symbols) > 1:
        raise Stop(f"one contract and one price at a time — {USAGE}")
    if bool(symbols) == bool(index) or (expiry is None) == bool(index):
        raise Stop(f"either a contract, or an index and its expiry — {USAGE}")
    session.needs_account()
    request = RecordSettlementRequest(
        # A fresh one each time: the same price again changes nothing anyway.
        request_id=new_request_id(),
        venue=venue,
        mode=mode,
        symbol=symbols[0] if symbols else "",
        index_name=index,
        expiry_time=expiry,
        delivery_price=read_decimal(price),
    )
    with session.client() as client:
        answer = client.record_settlement(request)
    if session.json:
        print_json(answer)
        return
    of = request.symbol or f"{index} of {minute(expiry)}"
    page = Page()
    page.line(
        f"{mode_title(request.mode)}: {of} delivered at {number(read_decimal(price))}, revision {answer.revision}; "
        f"{count(len(answer.position_ids), 'position')} settled{''.join(f', {each}' for each in answer.position_ids)}."
    )
    page.notes(flags.flag_lines(answer.flags))
