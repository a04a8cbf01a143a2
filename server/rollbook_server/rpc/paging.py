"""Page tokens: where a listing goes on, bound to its ledger, its call and its filters (AIP-158)."""

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from rollbook_server.domain.errors import InvalidArgument, Reason

DEFAULT_SIZE, LARGEST_SIZE = 50, 500


@dataclass(frozen=True, slots=True)
class Page:
    """What to read: after which key, up to which key (None: the newest), and how many."""

    after: int | None
    upto: int | None
    size: int


def _binding(ledger_id: str, request: Any) -> str:
    """What a token is good for: this ledger and a request that differs in its page only."""
    bare = type(request)()
    bare.CopyFrom(request)
    bare.ClearField("page_token")
    bare.ClearField("page_size")
    text = f"{ledger_id}|{request.DESCRIPTOR.full_name}|".encode() + bare.SerializeToString(deterministic=True)
    return hashlib.sha256(text).hexdigest()[:16]


def read_page(ledger_id: str, request: Any) -> Page:
    """The page that a list request asks for. Raises InvalidArgument."""
    if request.page_size < 0:
        raise InvalidArgument(Reason.OUT_OF_BOUNDS, "page_size must not be below 0", "page_size")
    size = min(request.page_size or DEFAULT_SIZE, LARGEST_SIZE)
    if not request.page_token:
        return Page(None, None, size)
    try:
        token = json.loads(base64.urlsafe_b64decode(request.page_token.encode("ascii")))
        after, upto, binding = int(token["a"]), int(token["u"]), token["b"]
    except (ValueError, KeyError, TypeError, binascii.Error):
        binding, after, upto = None, 0, 0
    if binding != _binding(ledger_id, request):
        raise InvalidArgument(
            Reason.INVALID_PAGE_TOKEN,
            "the page token is not of this ledger and these filters; start over without it",
            "page_token",
        )
    return Page(after, upto, size)


def next_token(ledger_id: str, request: Message, last: int, upto: int) -> str:
    """The token of the following page."""
    token = {"a": last, "u": upto, "b": _binding(ledger_id, request)}
    return base64.urlsafe_b64encode(json.dumps(token, separators=(",", ":")).encode()).decode()
