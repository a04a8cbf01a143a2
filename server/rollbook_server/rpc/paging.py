"""Page tokens: where a listing goes on, bound to its ledger, its call and its filters (AIP-158)."""

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from google.protobuf.message import Message

from rollbook_server.domain.errors import InvalidArgument, Reason

DEFAULT_SIZE, LARGEST_SIZE = 50, 500
ANSWER_BYTES = 3 * 2**20
"""What an answer may carry: clients in every language refuse more than 4 MiB unless told."""

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Page:
    """What to read: after which key, up to which key (None: the newest), and how many."""

    after: int | None
    upto: int | None
    size: int


def _binding(ledger_id: str, request: Any, after: int, upto: int) -> str:
    """What a token is good for: these keys, in this ledger, for a request that differs in its page only."""
    bare = type(request)()
    bare.CopyFrom(request)
    bare.ClearField("page_token")
    bare.ClearField("page_size")
    bound = f"{ledger_id}|{request.DESCRIPTOR.full_name}|{after}|{upto}|".encode()
    return hashlib.sha256(bound + bare.SerializeToString(deterministic=True)).hexdigest()[:16]


def read_page(ledger_id: str, request: Any, usual: int = DEFAULT_SIZE, largest: int = LARGEST_SIZE) -> Page:
    """The page that a list request asks for. Raises InvalidArgument."""
    if request.page_size < 0:
        raise InvalidArgument(Reason.OUT_OF_BOUNDS, "page_size must not be below 0", "page_size")
    size = min(request.page_size or usual, largest)
    if not request.page_token:
        return Page(None, None, size)
    try:
        token = json.loads(base64.urlsafe_b64decode(request.page_token.encode("ascii")))
        after, upto, binding = token["a"], token["u"], token["b"]
    except (ValueError, LookupError, TypeError, RecursionError):  # whatever was sent, it is no token of ours
        after, upto, binding = None, None, None
    ours = isinstance(after, int) and isinstance(upto, int) and binding == _binding(ledger_id, request, after, upto)
    if not ours:
        raise InvalidArgument(
            Reason.INVALID_PAGE_TOKEN,
            "the page token is not of this ledger and these filters; start over without it",
            "page_token",
        )
    return Page(after, upto, size)


def fitting(messages: Iterable[M], budget: int = ANSWER_BYTES) -> list[M]:
    """The first messages that fit into an answer together; at least one, if there is one."""
    fit: list[M] = []
    for message in messages:
        budget -= message.ByteSize() + 8
        if fit and budget < 0:
            break
        fit.append(message)
    return fit


def next_token(ledger_id: str, request: Message, last: int, upto: int) -> str:
    """The token of the following page."""
    token = {"a": last, "u": upto, "b": _binding(ledger_id, request, last, upto)}
    return base64.urlsafe_b64encode(json.dumps(token, separators=(",", ":")).encode()).decode()
