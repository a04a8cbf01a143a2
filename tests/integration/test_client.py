"""The asyncio client against real gRPC servers: what it sends, what it raises, and when it tries again."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import pickle
import re
import socket
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, get_type_hints

import grpc
import grpc.aio
import pytest
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2

import rollbook
from rollbook import _calls, _filters, errors, models
from rollbook.v1 import (
    chain_pb2,
    entry_pb2,
    ledger_service_pb2,
    ledger_service_pb2_grpc,
    system_service_pb2,
    system_service_pb2_grpc,
)

SERVICES = (
    ledger_service_pb2.DESCRIPTOR.services_by_name["LedgerService"],
    system_service_pb2.DESCRIPTOR.services_by_name["SystemService"],
)
UNARY = [method for service in SERVICES for method in service.methods if not method.server_streaming]
EXECUTION = rollbook.ExecutionResult(mode=rollbook.Mode.LIVE, action=rollbook.Action.OPEN, reason="a test")


@dataclasses.dataclass
class Abort:
    """What a call is to end with."""

    code: grpc.StatusCode
    reason: str = ""
    field: str = ""
    metadata: dict[str, str] = dataclasses.field(default_factory=dict)
    domain: str = "rollbook"
    trailer: bytes | None = None

    async def __call__(self, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        trailer = self.trailer
        if trailer is None and (self.reason or self.field):
            status = status_pb2.Status(code=self.code.value[0], message="said by the test")
            details: list[Message] = []
            if self.reason:
                info = {"reason": self.reason, "domain": self.domain, "metadata": self.metadata}
                details.append(error_details_pb2.ErrorInfo(**info))
            if self.field:
                violation = error_details_pb2.BadRequest.FieldViolation(field=self.field, description="wrong")
                details.append(error_details_pb2.BadRequest(field_violations=[violation]))
            for detail in details:
                packed = Packed()
                packed.Pack(detail)
                status.details.append(packed)
            trailer = status.SerializeToString()
        trailers = () if trailer is None else (("grpc-status-details-bin", trailer),)
        await context.abort(self.code, "said by the test", trailers)


class Ledger(ledger_service_pb2_grpc.LedgerServiceServicer, system_service_pb2_grpc.SystemServiceServicer):
    """No ledger at all: it remembers what it was asked, aborts as it is told, and else gives its answers."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.metadata: dict[str, str | bytes] = {}
        self.aborts: deque[Abort] = deque()
        self.answers: dict[str, deque[Message]] = {}
        self.recorded: dict[str, int] = {}  # request_id -> revision, as the real one keeps it
        self.holding = False
        self.reached = asyncio.Event()

    async def answer(self, name: str, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        self.asked.append((name, request))
        self.metadata = dict(context.invocation_metadata() or ())
        if self.aborts:
            await self.aborts.popleft()(context)
        if name == "RecordExecution":
            revision = self.recorded.setdefault(request.execution.request_id, len(self.recorded) + 1)
            self.answers[name] = deque([ledger_service_pb2.RecordExecutionResponse(revision=revision)])
        self.reached.set()
        if self.holding:
            await asyncio.Event().wait()
        if self.answers.get(name):
            return self.answers[name].popleft()
        [method] = [method for method in UNARY if method.name == name]
        return GetMessageClass(method.output_type)()


def _handler(name: str) -> Callable[[Ledger, Any, Any], Awaitable[Any]]:
    async def handle(self: Ledger, request: Any, context: Any) -> Any:
        return await self.answer(name, request, context)

    return handle


for _method in UNARY:
    setattr(Ledger, _method.name, _handler(_method.name))


@asynccontextmanager
async def serving(ledger: Ledger, port: int = 0) -> AsyncIterator[tuple[grpc.aio.Server, str]]:
    """The ledger on a port of this machine, and its address."""
    server = grpc.aio.server()
    ledger_service_pb2_grpc.add_LedgerServiceServicer_to_server(ledger, server)
    system_service_pb2_grpc.add_SystemServiceServicer_to_server(ledger, server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield server, f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()  # type: ignore[abstract]  # its methods are set from the descriptors


@pytest.fixture
async def client(ledger: Ledger) -> AsyncIterator[rollbook.AsyncClient]:
    async with serving(ledger) as (_, target), rollbook.AsyncClient(target, account="main") as client:
        yield client


@pytest.fixture
def port() -> Iterator[int]:
    """A port that nobody listens at and nobody else is given, for servers that come and go (gRPC shares it)."""
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


@pytest.fixture
def retrying() -> Iterator[asyncio.Event]:
    """Set as soon as the client says that it will try again."""
    event = asyncio.Event()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            event.set()

    log, listener = logging.getLogger("rollbook"), Listener()
    level = log.level
    log.setLevel(logging.INFO)
    log.addHandler(listener)
    yield event
    log.removeHandler(listener)
    log.setLevel(level)


# What is sent


CALLS: dict[str, Callable[[rollbook.AsyncClient], Awaitable[object]]] = {
    "RecordExecution": lambda client: client.record_execution(EXECUTION),
    "RecordExecutions": lambda client: client.record_executions([EXECUTION]),
    "RecordFills": lambda client: client.record_fills(rollbook.RecordFillsRequest()),
    "RecordSettlement": lambda client: client.record_settlement(rollbook.RecordSettlementRequest()),
    "UpdateMarks": lambda client: client.update_marks([], mode=rollbook.Mode.LIVE),
    "GetChain": lambda client: client.get_chain("chain-1"),
    "ListChains": lambda client: client.list_chains(),
    "GetPortfolio": lambda client: client.get_portfolio(),
    "ListEntries": lambda client: client.list_entries(),
    "ListRefusedExecutions": lambda client: client.list_refused_executions(),
    "GetServerStatus": lambda client: client.get_server_status(),
}


@pytest.mark.parametrize("method", UNARY, ids=lambda method: method.name)
async def test_every_call_of_the_api_has_its_method(ledger: Ledger, client: rollbook.AsyncClient, method: Any) -> None:
    """Nothing of the API is out of a bot's reach; each method makes its own call, for the client's account, and gives
    the model of its answer."""
    assert hasattr(client, re.sub(r"(?<!^)(?=[A-Z])", "_", method.name).lower())
    answer = await CALLS[method.name](client)
    assert type(answer) is getattr(models, method.output_type.name)
    [(name, request)] = ledger.asked
    assert name == method.name
    nouns = [getattr(request, "execution", request), *getattr(request, "executions", ())]
    assert "main" in {getattr(noun, "account", "main") for noun in nouns}


@pytest.mark.parametrize(
    ("keywords", "request_model"),
    [
        (_filters.ChainFilter, models.ListChainsRequest),
        (_filters.EntryFilter, models.ListEntriesRequest),
        (_filters.RefusalFilter, models.ListRefusedExecutionsRequest),
    ],
)
def test_the_keywords_of_a_list_are_the_fields_of_its_request(keywords: type, request_model: type) -> None:
    """No filter of the API is missing from the client."""
    assert get_type_hints(keywords) == get_type_hints(request_model)


async def test_an_account_can_be_said_and_left_out(ledger: Ledger, client: rollbook.AsyncClient) -> None:
    """What names an account keeps it, and "" is all accounts in a filter and everybody in marks."""
    await client.record_execution(dataclasses.replace(EXECUTION, account="other"))
    await client.list_chains(account="")
    await client.update_marks([], mode=rollbook.Mode.LIVE, account="")
    await client.get_portfolio(account="other")
    execution, chains, marks, portfolio = (request for _, request in ledger.asked)
    assert (execution.execution.account, chains.account, marks.account, portfolio.account) == ("other", "", "", "other")


async def test_a_command_has_an_id_before_it_is_sent(ledger: Ledger, client: rollbook.AsyncClient) -> None:
    """The client makes the ids that are missing, each another one, and leaves the others alone."""
    await client.record_execution(dataclasses.replace(EXECUTION, request_id="mine"))
    await client.record_executions([EXECUTION, EXECUTION], atomic=True)
    await client.record_executions([EXECUTION])
    await client.record_fills(rollbook.RecordFillsRequest())
    one, atomic, batch, fills = (request for _, request in ledger.asked)
    assert one.execution.request_id == "mine"
    made = [atomic.request_id, fills.request_id, *(item.request_id for item in (*atomic.executions, *batch.executions))]
    assert len({*made}) == 5
    assert all(re.fullmatch(r"[0-9a-f-]{36}", request_id) for request_id in made)
    assert batch.request_id == ""  # only an atomic batch has one


async def test_iterating_walks_all_pages(ledger: Ledger, client: rollbook.AsyncClient) -> None:
    """Each item once, in order, with the same filters for every page."""
    pages = [("a", "b"), (), ("c",)]
    ledger.answers["ListChains"] = deque(
        ledger_service_pb2.ListChainsResponse(
            chains=[chain_pb2.PositionChain(position_id=name) for name in names],
            next_page_token="" if number == len(pages) else str(number),
        )
        for number, names in enumerate(pages, start=1)
    )
    found = [chain.position_id async for chain in client.iterate_chains(underlying="BTC", page_size=2)]
    assert found == ["a", "b", "c"]
    asked = [request for _, request in ledger.asked]
    assert [request.page_token for request in asked] == ["", "1", "2"]
    assert {(request.underlying, request.page_size, request.account) for request in asked} == {("BTC", 2, "main")}


async def test_the_other_lists_are_walked_in_the_same_way(ledger: Ledger, client: rollbook.AsyncClient) -> None:
    """Entries and refusals come over all pages, too."""
    ledger.answers["ListEntries"] = deque(
        ledger_service_pb2.ListEntriesResponse(
            entries=[entry_pb2.LedgerEntry(revision=revision)], next_page_token=token
        )
        for revision, token in ((1, "more"), (2, ""))
    )
    ledger.answers["ListRefusedExecutions"] = deque(
        ledger_service_pb2.ListRefusedExecutionsResponse(
            refusals=[ledger_service_pb2.RefusedExecution(request_id=request_id)], next_page_token=token
        )
        for request_id, token in (("one", "more"), ("two", ""))
    )
    assert [entry.revision async for entry in client.iterate_entries(after_revision=0)] == [1, 2]
    assert [refused.request_id async for refused in client.iterate_refused_executions()] == ["one", "two"]


async def test_a_value_of_a_newer_server_is_tolerated(ledger: Ledger, client: rollbook.AsyncClient) -> None:
    """A bot of yesterday reads the chains of a server of tomorrow."""
    chain = chain_pb2.PositionChain(state=98765, net_pnl="0.00000001")  # type: ignore[arg-type]
    ledger.answers["GetChain"] = deque([ledger_service_pb2.GetChainResponse(chain=chain)])
    read = (await client.get_chain("chain-1")).chain
    assert read is not None
    assert read.state is rollbook.ChainState.UNRECOGNIZED
    assert read.net_pnl == Decimal("0.00000001")


# What is raised


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
async def test_every_status_has_its_error(ledger: Ledger, client: rollbook.AsyncClient, code: grpc.StatusCode) -> None:
    """Whatever a server answers becomes a LedgerError with that code, of the class that is named like it."""
    ledger.aborts.extend([Abort(code)] * 100)
    with pytest.raises(rollbook.LedgerError) as raised:
        await client.get_chain("chain-1", deadline=0.05)
    error = raised.value
    if code is grpc.StatusCode.UNAVAILABLE:  # tried until the deadline
        assert isinstance(error.__cause__, rollbook.LedgerError)
        error = error.__cause__
    assert error.code is code
    name = "".join(word.capitalize() for word in code.name.split("_"))
    assert type(error) is getattr(errors, name, errors.Unconfirmed)


def test_the_tree_of_errors_is_the_drawn_one() -> None:
    """The drawing at the top of the module shows all errors, each below its parent."""
    drawn = re.findall(r"^    ((?:[│ ]   )*(?:[├└]── )?)([A-Z]\w+)", errors.__doc__ or "", re.MULTILINE)

    def walk(kind: type[rollbook.LedgerError], depth: int) -> Iterator[tuple[int, str]]:
        yield depth, kind.__name__
        for child in kind.__subclasses__():
            yield from walk(child, depth + 1)

    assert {(len(branch) // 4, name) for branch, name in drawn} == set(walk(rollbook.LedgerError, 0))
    assert {name for _, name in drawn} | {"from_refusal"} == set(errors.__all__)


async def test_an_error_tells_reason_field_and_metadata(ledger: Ledger, client: rollbook.AsyncClient) -> None:
    """A bot tells errors apart by reason, finds the field, and has the command that was refused, with its id."""
    metadata = {"position_ids": "a,b", "field": "fills[0].symbol"}
    ledger.aborts.append(Abort(grpc.StatusCode.FAILED_PRECONDITION, "AMBIGUOUS_CONTRACT", "fills", metadata))
    with pytest.raises(rollbook.FailedPrecondition) as raised:
        await client.record_execution(EXECUTION)
    error = raised.value
    assert error.reason is rollbook.ErrorReason.AMBIGUOUS_CONTRACT
    assert (error.message, error.field, error.metadata) == ("said by the test", "fills[0].symbol", metadata)
    sent = ledger.asked[0][1].execution
    assert error.command == rollbook.ExecutionResult.from_proto(sent)
    assert error.request_id == sent.request_id
    told = "FAILED_PRECONDITION AMBIGUOUS_CONTRACT (fills[0].symbol): said by the test"
    assert str(error) == f"{told} [request_id {error.request_id}]"
    assert isinstance(error.__cause__, grpc.RpcError)


@pytest.mark.parametrize(
    ("abort", "reason", "field"),
    [
        (Abort(grpc.StatusCode.INVALID_ARGUMENT), "", ""),
        (Abort(grpc.StatusCode.INVALID_ARGUMENT, field="mode"), "", "mode"),
        (Abort(grpc.StatusCode.INVALID_ARGUMENT, "OF_TOMORROW"), "OF_TOMORROW", ""),
        (Abort(grpc.StatusCode.INVALID_ARGUMENT, "MISSING_FIELD", domain="a-proxy.example"), "", ""),
        (Abort(grpc.StatusCode.INVALID_ARGUMENT, trailer=b"\xff no status"), "", ""),
    ],
    ids=["no details", "only a field", "reason of a newer server", "reason of another domain", "damaged details"],
)
async def test_details_that_are_odd_do_not_hide_the_error(
    ledger: Ledger, client: rollbook.AsyncClient, abort: Abort, reason: str, field: str
) -> None:
    """Details may be missing, new, foreign or damaged: the status counts all the same."""
    ledger.aborts.append(abort)
    with pytest.raises(rollbook.InvalidArgument) as raised:
        await client.get_chain("chain-1")
    assert (raised.value.reason, raised.value.field) == (reason, field)


def test_an_item_of_a_batch_becomes_the_same_error() -> None:
    """A refusal inside an answer can be raised and logged like a refused call."""
    refusal = rollbook.Refusal(code=5, reason="POSITION_NOT_FOUND", message="none", field="position_id")
    error = errors.from_refusal(refusal, EXECUTION)
    assert type(error) is rollbook.NotFound
    assert (error.reason, error.field, error.command) == ("POSITION_NOT_FOUND", "position_id", EXECUTION)


def test_an_error_crosses_processes() -> None:
    """An error raised in a worker arrives whole."""
    error = errors.Unavailable("gone", reason="STOPPING", metadata={"a": "b"}, command=EXECUTION)
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), vars(copy), str(copy)) == (type(error), vars(error), str(error))


async def test_a_request_that_is_too_large_is_not_sent(ledger: Ledger, client: rollbook.AsyncClient) -> None:
    """The last byte that a server takes is taken; one more is refused here, with a reason that gRPC would not give."""
    execution = dataclasses.replace(EXECUTION, account="main", request_id=rollbook.new_request_id())

    def of_size(body: int) -> tuple[int, rollbook.ExecutionResult]:
        large = dataclasses.replace(execution, raw_payloads=(rollbook.RawPayload(body=b"x" * body),))
        return ledger_service_pb2.RecordExecutionRequest(execution=large.to_proto()).ByteSize(), large

    overhead = of_size(_calls.MAX_REQUEST_BYTES)[0] - _calls.MAX_REQUEST_BYTES
    size, largest = of_size(_calls.MAX_REQUEST_BYTES - overhead)
    assert size == _calls.MAX_REQUEST_BYTES
    await client.record_execution(largest)
    assert len(ledger.asked) == 1
    with pytest.raises(rollbook.InvalidArgument, match="split it") as raised:
        await client.record_execution(of_size(_calls.MAX_REQUEST_BYTES - overhead + 1)[1])
    assert raised.value.reason is rollbook.ErrorReason.TOO_LARGE
    assert len(ledger.asked) == 1


async def test_a_float_is_refused_before_sending(ledger: Ledger, client: rollbook.AsyncClient) -> None:
    """A price that has lost digits never reaches the book."""
    fill = rollbook.Fill(price=0.1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Decimal"):
        await client.record_execution(dataclasses.replace(EXECUTION, fills=(fill,)))
    assert not ledger.asked


# When it is tried again


@pytest.mark.parametrize(
    "abort",
    [
        Abort(grpc.StatusCode.UNAVAILABLE, "STORAGE_FAILED"),
        Abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "QUEUE_FULL"),
        Abort(grpc.StatusCode.DEADLINE_EXCEEDED),
    ],
    ids=lambda abort: f"{abort.code.name} {abort.reason}",
)
async def test_what_passes_is_tried_again_with_the_same_id(
    ledger: Ledger, client: rollbook.AsyncClient, abort: Abort
) -> None:
    """A passing failure is not the bot's business, and every attempt sends the same bytes."""
    ledger.aborts.extend([abort, abort])
    assert (await client.record_execution(EXECUTION)).revision == 1
    first, second, third = (request for _, request in ledger.asked)
    assert first == second == third


@pytest.mark.parametrize(
    "abort",
    [
        Abort(grpc.StatusCode.INVALID_ARGUMENT, "MISSING_FIELD"),
        Abort(grpc.StatusCode.FAILED_PRECONDITION, "WRONG_SIDE"),
        Abort(grpc.StatusCode.RESOURCE_EXHAUSTED),
        Abort(grpc.StatusCode.INTERNAL),
    ],
    ids=lambda abort: f"{abort.code.name} {abort.reason}",
)
async def test_what_stays_is_raised_at_once(ledger: Ledger, client: rollbook.AsyncClient, abort: Abort) -> None:
    """A refusal, a message over the limit or a bug would meet the same answer again."""
    ledger.aborts.append(abort)
    with pytest.raises(rollbook.LedgerError) as raised:
        await client.record_execution(EXECUTION)
    assert raised.value.code is abort.code
    assert len(ledger.asked) == 1


async def test_a_bot_may_start_before_its_server(ledger: Ledger, port: int, retrying: asyncio.Event) -> None:
    """A call that is made while the server is down succeeds when it comes up within the deadline."""
    async with rollbook.AsyncClient(f"127.0.0.1:{port}") as client:
        call = asyncio.create_task(client.record_execution(EXECUTION))
        await retrying.wait()
        assert not call.done()
        async with serving(ledger, port):
            assert (await call).revision == 1
    assert len(ledger.recorded) == 1


async def test_an_execution_is_recorded_once_when_the_server_dies_before_it_answers(
    ledger: Ledger, port: int, retrying: asyncio.Event
) -> None:
    """Recorded, killed, restarted: the bot hears the first revision, and the book holds it once."""
    async with rollbook.AsyncClient(f"127.0.0.1:{port}") as client:
        ledger.holding = True
        async with serving(ledger, port):
            call = asyncio.create_task(client.record_execution(EXECUTION))
            await ledger.reached.wait()
        await retrying.wait()
        ledger.holding = False
        async with serving(ledger, port):
            assert (await call).revision == 1
    assert len(ledger.asked) >= 2
    assert list(ledger.recorded.values()) == [1]


async def test_after_the_deadline_the_same_command_can_be_sent_again(
    ledger: Ledger, client: rollbook.AsyncClient
) -> None:
    """No answer in time: the error says that the outcome is unknown and has the command to send again, and that one
    counts once."""
    ledger.holding = True
    with pytest.raises(rollbook.DeadlineExceeded, match="unknown: send it again with the same request_id") as raised:
        await client.record_execution(EXECUTION, deadline=0.2)
    command = raised.value.command
    assert isinstance(command, rollbook.ExecutionResult)
    assert command.request_id == raised.value.request_id != ""
    assert command.account == "main"
    ledger.holding = False
    assert (await client.record_execution(command)).revision == 1
    assert len(ledger.recorded) == 1


async def test_the_deadline_says_what_the_last_attempt_met(ledger: Ledger, client: rollbook.AsyncClient) -> None:
    """Out of time with a full disk is told from out of time with a dead server."""
    ledger.aborts.extend([Abort(grpc.StatusCode.UNAVAILABLE, "STORAGE_FAILED")] * 100)
    with pytest.raises(rollbook.DeadlineExceeded, match=r"\d attempts.*STORAGE_FAILED: said by the test") as raised:
        await client.record_execution(EXECUTION, deadline=0.3)
    assert raised.value.reason is rollbook.ErrorReason.STORAGE_FAILED
    assert type(raised.value.__cause__) is rollbook.Unavailable


async def test_nobody_there_is_told_as_such(port: int) -> None:
    """A bot with a wrong port reads so, not just that time is over."""
    async with rollbook.AsyncClient(f"127.0.0.1:{port}", deadline=0.2) as client:
        with pytest.raises(rollbook.DeadlineExceeded, match=r"within 0\.2 s.*UNAVAILABLE.*refused") as raised:
            await client.get_server_status()
    assert "request_id" not in str(raised.value)  # a read has nothing to send again


def test_pauses_grow_and_leave_time_for_a_last_attempt() -> None:
    """Pauses double up to half a second; the last one ends where an answer is still possible; then it is over."""
    now = 0.0
    pauses: list[float] = []
    attempts = _calls.Attempts(3.0, clock=lambda: now, jitter=lambda low, high: high)

    def never_reached() -> None:
        nonlocal now
        while True:
            assert attempts.remaining() == pytest.approx(3.0 - now)
            pauses.append(attempts.pause_after(errors.Unavailable("down")))
            now += pauses[-1]

    with pytest.raises(errors.DeadlineExceeded, match="10 attempts"):
        never_reached()
    assert pauses[:6] == [0.05, 0.1, 0.2, 0.4, 0.5, 0.5]
    assert now == pytest.approx(3.0 - _calls.LAST_ATTEMPT)


async def test_closing_ends_a_call_that_waits_to_try_again(port: int, retrying: asyncio.Event) -> None:
    """A bot that stops is not held up by a server that is down, and sees what the last attempt met."""
    client = await rollbook.AsyncClient(f"127.0.0.1:{port}").open()
    call = asyncio.create_task(client.get_server_status())
    await retrying.wait()
    await client.close()
    with pytest.raises(rollbook.Unavailable):
        await call


# The client itself


async def test_a_client_is_opened_and_closed() -> None:
    """A closed client says so instead of failing inside gRPC, and closing twice does no harm."""
    client = rollbook.AsyncClient()
    with pytest.raises(RuntimeError, match="not open"):
        await client.get_server_status()
    await client.open()
    await client.close()
    await client.close()
    with pytest.raises(RuntimeError, match="not open"):
        await client.get_server_status()


async def test_a_forgotten_client_is_noticed() -> None:
    """Who drops an open client without closing it is warned."""
    client = await rollbook.AsyncClient().open()
    with pytest.warns(ResourceWarning, match="never closed"):
        client.__del__()
    await client.close()


@pytest.mark.parametrize("deadline", [0, -1, float("inf"), float("nan")])
def test_a_deadline_is_a_time(deadline: float) -> None:
    """A call without an end would hang a bot together with its server."""
    with pytest.raises(ValueError, match="above 0"):
        rollbook.AsyncClient(deadline=deadline)


async def test_a_token_goes_with_each_call(ledger: Ledger) -> None:
    """The server sees the token, and nobody who prints the client does."""
    async with serving(ledger) as (_, target), rollbook.AsyncClient(target, token="secret") as client:
        await client.get_server_status()
        assert "secret" not in repr(client)
    assert ledger.metadata["authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    ("target", "allowed"),
    [
        ("127.0.0.1:50051", True),
        ("[::1]:50051", True),
        ("localhost:50051", True),
        ("dns:///localhost:50051", True),
        ("unix:/run/rollbook.sock", True),
        ("ledger.example:50051", False),
        ("127.0.0.1.example:50051", False),
        ("192.0.2.1:50051", False),
    ],
)
def test_a_token_never_crosses_a_network_in_clear(target: str, allowed: bool) -> None:
    """Beyond loopback a token needs TLS."""
    rollbook.AsyncClient(target, token="secret", credentials=grpc.ssl_channel_credentials())
    if allowed:
        rollbook.AsyncClient(target, token="secret")
    else:
        with pytest.raises(ValueError, match="TLS"):
            rollbook.AsyncClient(target, token="secret")


# The package


def test_the_package_exports_what_a_bot_needs() -> None:
    """All models and errors are names of the package itself, and each of its names leads somewhere."""
    classes = [name for name in errors.__all__ if name[0].isupper()]
    expected = {*models.__all__, *classes, "AsyncClient", "errors", "models", "new_request_id"}
    assert set(rollbook.__all__) == expected
    assert len(rollbook.__all__) == len(expected)
    for name in rollbook.__all__:
        assert getattr(rollbook, name) is not None
        assert name in dir(rollbook)
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        rollbook.Nonsense  # noqa: B018


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import rollbook", ["grpc", "google.protobuf", "rollbook.models"]),
        ("import rollbook.v1.execution_pb2", ["grpc", "rollbook.models", "rollbook.errors", "rollbook._async_client"]),
        ("import rollbook.models", ["grpc", "asyncio"]),
        ("from rollbook import AsyncClient", ["grpc_status", "rollbook_server", "numpy"]),
    ],
)
def test_nothing_is_loaded_before_it_is_needed(statement: str, absent: list[str]) -> None:
    """The server takes the stubs alone, and a bot only what it depends on."""
    code = f"import sys; {statement}; print([name for name in {absent!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
