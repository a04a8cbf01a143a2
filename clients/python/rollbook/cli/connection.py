"""Where the server is and who asks: the options that all commands share, and the client that they make."""

from __future__ import annotations

import functools
import os
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rollbook.cli.failures import NO_ANSWER, Stop
from rollbook.cli.options import read_seconds

if TYPE_CHECKING:
    from rollbook import Client, Lab

Made = TypeVar("Made")
KNOCK = 2.0
"""Seconds for a server to accept a connection: one that does not will not answer a call either."""
_HOST_AND_PORT = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[^:/\[\]]+):(?P<port>\d{1,5})")
_PROXIES = ("grpc_proxy", "https_proxy", "http_proxy")


@dataclass(frozen=True)
class Session:
    """What the options of a command said about the ledger."""

    server: str
    account: str
    token: str
    tls_ca: str
    deadline: str
    json: bool

    def client(self) -> Client:
        """A client to be used in `with`. Raises Stop where nobody listens, before anything heavy is loaded."""
        reached = self._reach()
        from rollbook import Client

        return self._made(functools.partial(Client, account=self.account), reached)

    def lab(self) -> Lab:
        """The same of the server's lab."""
        reached = self._reach()
        from rollbook import Lab

        return self._made(Lab, reached)

    def _reach(self) -> float:
        """Seconds that a call may take, if somebody listens."""
        deadline = read_seconds(self.deadline)
        self._knock(min(KNOCK, deadline))
        # What gRPC's core would print about a lost connection, our own sentence says better.
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        return deadline

    def _made(self, kind: Callable[..., Made], deadline: float) -> Made:
        credentials = None
        if self.tls_ca:
            import grpc

            try:
                credentials = grpc.ssl_channel_credentials(Path(self.tls_ca).read_bytes())
            except OSError as error:
                raise Stop(f"--tls-ca {self.tls_ca} cannot be read: {error.strerror}") from None
        try:
            return kind(self.server, deadline=deadline, credentials=credentials, token=self.token or None)
        except ValueError as error:
            remedy = " — give the server's certificate authority with --tls-ca" if self.token else ""
            raise Stop(f"{error}{remedy}") from None

    def needs_account(self, where: str = "") -> None:
        """Raises Stop if no account was named: a command is always of one."""
        if not self.account:
            raise Stop(f"whose book? Name the account with --account or ROLLBOOK_ACCOUNT{where}")

    def _knock(self, patience: float) -> None:
        """Asks for a connection and hangs up: gRPC would try until the deadline, and then say less."""
        address = _HOST_AND_PORT.fullmatch(self.server)
        if address is None:
            if ":" in self.server:
                return  # unix:, dns: and the like: gRPC resolves them
            raise Stop(f"--server is HOST:PORT, and {self.server!r} is not — for example 127.0.0.1:50051")
        host = address["host"]
        here = host in ("localhost", "[::1]") or host.startswith("127.")
        if not here and any(os.environ.get(name) or os.environ.get(name.upper()) for name in _PROXIES):
            return  # the way to it may lead through the proxy
        remedy = "start one with `rollbook-server serve`, or name yours with --server HOST:PORT"
        try:
            socket.create_connection((host.strip("[]"), int(address["port"])), patience).close()
        except socket.gaierror:
            raise Stop(f"there is no host {host} — check --server HOST:PORT", NO_ANSWER) from None
        except TimeoutError:
            raise Stop(f"{self.server} does not answer — {remedy}", NO_ANSWER) from None
        except (OSError, OverflowError):
            raise Stop(f"no server answers at {self.server} — {remedy}", NO_ANSWER) from None
