"""Where the page answers, where its ledger is, and who may ask."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

SHORTEST_TOKEN = 16
"""Characters. Nothing slows down who guesses, so a token has to be beyond guessing."""


@dataclass(frozen=True)
class Settings:
    """How the page is served.

    Attributes:
        host: The address to listen at.
        port: 0 takes a free one.
        target: The server, as gRPC names it.
        token: What a browser or a program has to show; None asks for nothing.
        names: Names besides the address by which a browser may ask for the page.
    """

    host: str
    port: int
    target: str
    token: str | None = field(default=None, repr=False)  # a secret has no place in a log
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, listen: str, target: str, token_file: Path | None = None, names: tuple[str, ...] = ()) -> Self:
        """Reads what the command line says.

        Raises ValueError: `listen` is no address with a port, the token is too short, or there is none and others than
        this machine could ask. Raises OSError if the file of the token cannot be read.
        """
        host, colon, port = listen.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        try:
            loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
            number = int(port)
        except ValueError:
            raise ValueError(f"--listen {listen}: say an address and a port, as 127.0.0.1:8080 or [::1]:8080") from None
        if not colon or not 0 <= number < 65536:
            raise ValueError(f"--listen {listen}: a port is a number from 0 to 65535")
        token = None if token_file is None else _token(token_file)
        if token is None and not loopback:
            raise ValueError(
                f"--listen {listen}: beyond this machine the page asks for a token; name its file with --token-file"
            )
        return cls("127.0.0.1" if host == "localhost" else host, number, target, token, names)


def _token(file: Path) -> str:
    token = file.read_text(encoding="utf-8").strip()
    if len(token) < SHORTEST_TOKEN or not (token.isascii() and token.isprintable()) or " " in token:
        raise ValueError(f"{file}: a token is one word of {SHORTEST_TOKEN} or more characters, printable ASCII")
    return token
