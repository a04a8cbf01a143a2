"""What all reading commands do with the API's answers: put pages together, and print them as JSON."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from rollbook.cli.failures import NO_ANSWER, Stop

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from rollbook.models import (
        ListBacktestChainsResponse,
        ListBacktestCyclesResponse,
        ListBacktestsResponse,
        ListChainsResponse,
        ListDatasetGapsResponse,
        ListDatasetsResponse,
        ListEntriesResponse,
        ListRefusedExecutionsResponse,
        ListSweepPointsResponse,
        ListSweepsResponse,
    )

    Paged = TypeVar(
        "Paged",
        ListChainsResponse,
        ListEntriesResponse,
        ListRefusedExecutionsResponse,
        ListBacktestsResponse,
        ListBacktestChainsResponse,
        ListBacktestCyclesResponse,
        ListDatasetsResponse,
        ListDatasetGapsResponse,
        ListSweepsResponse,
        ListSweepPointsResponse,
    )

LARGEST_PAGE = 500
"""The server gives no more at once."""


class Answer(Protocol):
    """A model of a response."""

    def to_proto(self) -> Message: ...


def gathered(call: Callable[..., Paged], rows: str, limit: int, **filters: Any) -> Paged:
    """So many rows of a listing as one answer (0: all); its next_page_token says whether there are more.

    Args:
        call: The client's method.
        rows: The field that holds the rows.
        limit: At most so many.
        filters: For the call.
    """
    pages: list[Paged] = []
    count = 0
    token = ""
    while True:
        size = min(limit - count, LARGEST_PAGE) if limit else LARGEST_PAGE
        pages.append(call(**filters, page_size=size, page_token=token))
        count += len(getattr(pages[-1], rows))
        token = pages[-1].next_page_token
        if not token or (limit and count >= limit):
            break
    lists = [name for name in (rows, "valuations") if hasattr(pages[-1], name)]
    whole: dict[str, Any] = {name: tuple(chain(*(getattr(page, name) for page in pages))) for name in lists}
    return replace(pages[-1], **whole)


def print_json(answer: Answer, indent: int | None = 2) -> None:
    """One JSON document: protobuf's mapping with the names of the protos. Decimals are strings with every digit.
    Without an indent it is one line."""
    from google.protobuf.json_format import MessageToJson

    try:
        message = answer.to_proto()
    except ValueError as error:
        raise Stop(f"the answer cannot be written: {error} — is there a newer rollbook?", NO_ANSWER) from None
    sys.stdout.write(
        MessageToJson(
            message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True, indent=indent
        )
        + "\n"
    )
