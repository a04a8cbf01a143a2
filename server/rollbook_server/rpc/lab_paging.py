"""Pages of the lab's listings."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from rollbook_server.rpc.paging import fitting, next_token
from rollbook_server.storage.lab_reads import Page

T = TypeVar("T")


def paged(lab_id: str, request: Any, page: Page[T], encode: Callable[[T], Any]) -> tuple[Sequence[Any], str]:
    """The rows of a page that fit into an answer, and the token of the next one."""
    messages: Iterable[Any] = (encode(row) for _, row in page.rows)
    shown = fitting(messages)
    more = page.more or len(shown) < len(page.rows)
    return shown, next_token(lab_id, request, page.rows[len(shown) - 1][0], page.upto) if more else ""
