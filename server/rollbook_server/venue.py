"""The way to a venue's public history: one request over HTTP, and its answer. Nothing is kept here, nothing repeated.

Only the address of the server's own settings is asked, redirects are not followed, no proxy of the environment is used,
and an answer has a size.
"""

import http.client
import ssl
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from rollbook_server import __version__
from rollbook_server.domain.backtest.deribit import Answer, Passing, read_answer
from rollbook_server.domain.errors import FailedPrecondition, Reason

LARGEST_ANSWER = 32 * 1024 * 1024
"""Bytes. The longest ones are lists of all instruments, of some MiB."""

_BUSY = 429
_SERVER_ERRORS = 500


def ask(base: str, method: str, parameters: Mapping[str, str | int], patience: float) -> Answer:
    """What the venue answers, waiting at most `patience` seconds for its next byte.

    Raises Passing where asking again may help, else FailedPrecondition (VENUE_REFUSED, VENUE_ANSWER_UNKNOWN).
    """
    parts = urlsplit(base)
    host, port = parts.hostname or "", parts.port
    connection = (
        http.client.HTTPSConnection(host, port, timeout=patience, context=ssl.create_default_context())
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, port, timeout=patience)
    )
    headers = {"Accept": "application/json", "Connection": "close", "User-Agent": f"rollbook-server/{__version__}"}
    try:
        connection.request("GET", f"{parts.path.rstrip('/')}/{method}?{urlencode(parameters)}", headers=headers)
        response = connection.getresponse()
        status, body = response.status, response.read(LARGEST_ANSWER + 1)
        if len(body) <= LARGEST_ANSWER and response.length:
            raise Passing("the connection was cut")  # read(n) does not say so by itself
    except ssl.SSLCertVerificationError as error:
        raise FailedPrecondition(
            Reason.VENUE_REFUSED, f"its certificate is not trusted: {error.verify_message}"
        ) from None
    except (OSError, http.client.HTTPException) as error:
        raise Passing(f"{type(error).__name__}: {error}") from None
    finally:
        connection.close()
    if len(body) > LARGEST_ANSWER:
        raise FailedPrecondition(Reason.VENUE_ANSWER_UNKNOWN, "the venue's answer is too large")
    if 300 <= status < 400:
        raise FailedPrecondition(Reason.VENUE_REFUSED, "it sends to another address, which is not followed")
    if status == _BUSY or status >= _SERVER_ERRORS:
        raise Passing(f"HTTP status {status}")
    if status >= 400 and not body.lstrip().startswith(b"{"):
        raise FailedPrecondition(Reason.VENUE_REFUSED, f"the venue refused: HTTP status {status}")
    return read_answer(body)
