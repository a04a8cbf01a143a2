"""Both clients against real gRPC servers: what they send, what they raise, and when they try again."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import logging
import pickle
import re
import socket
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
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
from tests.support.in_threads import CLIENTS
from tests.support.tls import Identity, make_identity

NewClient = type[rollbook.AsyncClient]

SERVICES = (
    ledger_service_pb2.DESCRIPTOR.services_by_name["LedgerService"],
    system_service_pb2.DESCRIPTOR.services_by_name["SystemService"],
)
UNARY = [method for service in SERVICES for method in service.methods if not method.server_streaming]
PASSING = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
"""What is tried again until the deadline."""
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
async def serving(
    ledger: Ledger, port: int = 0, credentials: grpc.ServerCredentials | None = None
) -> AsyncIterator[str]:
    """The ledger on a port of this machine: its address."""
    server = grpc.aio.server()
    ledger_service_pb2_grpc.add_LedgerServiceServicer_to_server(ledger, server)
    system_service_pb2_grpc.add_SystemServiceServicer_to_server(ledger, server)
    address = f"127.0.0.1:{port}"
    port = server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()  # type: ignore[abstract]  # its methods are set from the descriptors


@pytest.fixture(params=CLIENTS)
def new_client(request: pytest.FixtureRequest) -> NewClient:
    """Each test that makes a client, or is given one, runs with both."""
    return CLIENTS[request.param]


@pytest.fixture
async def client(ledger: Ledger, new_client: NewClient) -> AsyncIterator[rollbook.AsyncClient]:
    async with serving(ledger) as target, new_client(target, account="main") as client:
        yield client


@pytest.fixture
def port() -> Iterator[int]:
    """A port that nobody listens at and nobody else is given, for servers that come and go (gRPC shares it)."""
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    return make_identity(tmp_path)


@pytest.fixture
async def retrying() -> AsyncIterator[asyncio.Event]:
    """Set as soon as the client says that it will try again."""
    event, loop = asyncio.Event(), asyncio.get_running_loop()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            loop.call_soon_threadsafe(event.set)  # the synchronous client says it in its thread

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
    "ListValuations": lambda client: client.list_valuations(position_id="one"),
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
        (_filters.ValueFilter, models.ListValuationsRequest),
        (_filters.BacktestFilter, models.ListBacktestsRequest),
        (_filters.DatasetFilter, models.ListDatasetsRequest),
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
        await client.get_chain("chain-1", deadline=0.3 if code in PASSING else None)
    error = raised.value
    if code is grpc.StatusCode.UNAVAILABLE:
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


async def test_a_bot_may_start_before_its_server(
    ledger: Ledger, port: int, retrying: asyncio.Event, new_client: NewClient
) -> None:
    """A call that is made while the server is down succeeds when it comes up within the deadline."""
    async with new_client(f"127.0.0.1:{port}") as client:
        call = asyncio.create_task(client.record_execution(EXECUTION))
        await retrying.wait()
        assert not call.done()
        async with serving(ledger, port):
            assert (await call).revision == 1
    assert len(ledger.recorded) == 1


async def test_an_execution_is_recorded_once_when_the_server_dies_before_it_answers(
    ledger: Ledger, port: int, retrying: asyncio.Event, new_client: NewClient
) -> None:
    """Recorded, killed, restarted: the bot hears the first revision, and the book holds it once."""
    async with new_client(f"127.0.0.1:{port}") as client:
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


async def test_nobody_there_is_told_as_such(port: int, new_client: NewClient) -> None:
    """A bot with a wrong port reads so, not just that time is over."""
    async with new_client(f"127.0.0.1:{port}", deadline=0.2) as client:
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


async def test_closing_ends_a_call_that_waits_to_try_again(
    port: int, retrying: asyncio.Event, new_client: NewClient
) -> None:
    """A bot that stops is not held up by a server that is down, and sees what the last attempt met."""
    client = await new_client(f"127.0.0.1:{port}").open()
    call = asyncio.create_task(client.get_server_status())
    await retrying.wait()
    await client.close()
    with pytest.raises(rollbook.Unavailable):
        await call


async def test_closing_ends_a_call_that_waits_for_its_answer(ledger: Ledger, new_client: NewClient) -> None:
    """A bot that stops hears that the outcome is unknown, and has the command to send again."""
    ledger.holding = True
    async with serving(ledger) as target:
        client = await new_client(target).open()
        call = asyncio.create_task(client.record_execution(EXECUTION))
        await ledger.reached.wait()
        await client.close()
        with pytest.raises(rollbook.LedgerError, match="closed") as raised:
            await call
    assert type(raised.value) is rollbook.Unconfirmed
    assert raised.value.code is grpc.StatusCode.CANCELLED
    assert raised.value.request_id == ledger.asked[0][1].execution.request_id


async def test_a_client_that_is_opened_anew_leaves_its_old_calls_ended(
    port: int, retrying: asyncio.Event, new_client: NewClient
) -> None:
    """A call belongs to the connection that it began with: it neither hangs nor fails inside gRPC."""
    async with new_client(f"127.0.0.1:{port}") as client:
        call = asyncio.create_task(client.get_server_status())
        await retrying.wait()
        await client.close()
        await client.open()
        with pytest.raises(rollbook.Unavailable):
            await call


@pytest.mark.parametrize("closing", [False, True])
async def test_a_cancelled_task_stays_cancelled(ledger: Ledger, closing: bool) -> None:
    """Who cancels a task, also while the client is closed, sees it cancelled and no error of the ledger. (A thread
    cannot be cancelled.)"""
    ledger.holding = True
    async with serving(ledger) as target, rollbook.AsyncClient(target) as client:
        call = asyncio.create_task(client.record_execution(EXECUTION))
        await ledger.reached.wait()
        call.cancel()
        if closing:
            await client.close()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert call.cancelled()


# The client itself


async def test_a_client_is_opened_and_closed(new_client: NewClient) -> None:
    """A closed client says so instead of failing inside gRPC, and closing twice does no harm."""
    client = new_client()
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


@pytest.mark.parametrize("deadline", [0, -1, 1e12, float("inf"), float("nan")])
def test_a_deadline_is_a_time(deadline: float, new_client: NewClient) -> None:
    """A call without an end would hang a bot together with its server."""
    with pytest.raises(ValueError, match="above 0"):
        new_client(deadline=deadline)


async def test_a_token_goes_with_each_call(ledger: Ledger, new_client: NewClient) -> None:
    """The server sees the token, and nobody who prints the client does."""
    async with serving(ledger) as target, new_client(target, token="secret") as client:
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
def test_a_token_never_crosses_a_network_in_clear(target: str, allowed: bool, new_client: NewClient) -> None:
    """Beyond loopback a token needs TLS."""
    new_client(target, token="secret", credentials=grpc.ssl_channel_credentials())
    if allowed:
        new_client(target, token="secret")
    else:
        with pytest.raises(ValueError, match="TLS"):
            new_client(target, token="secret")


@pytest.mark.parametrize("token", ["secret\n", "gehe\u00edm", "a\x00b"])
def test_a_token_that_cannot_be_sent_is_refused(token: str, new_client: NewClient) -> None:
    """A token read with the end of its line is found while the bot starts, not with its first trade."""
    with pytest.raises(ValueError, match="printable") as raised:
        new_client(token=token)
    assert token not in str(raised.value)


async def test_credentials_make_a_connection_secure(ledger: Ledger, identity: Identity, new_client: NewClient) -> None:
    """With credentials the client speaks TLS, knows its server by its certificate, and takes no other for it."""
    certificate, key = identity
    async with serving(ledger, credentials=grpc.ssl_server_credentials([(key, certificate)])) as target:
        trusting = grpc.ssl_channel_credentials(certificate)
        async with new_client(target, credentials=trusting, token="secret") as client:
            await client.get_server_status()
        assert ledger.metadata["authorization"] == "Bearer secret"
        for credentials in (None, grpc.ssl_channel_credentials()):
            async with new_client(target, credentials=credentials, deadline=0.3) as client:
                with pytest.raises(rollbook.DeadlineExceeded, match="UNAVAILABLE"):
                    await client.get_server_status()
    assert len(ledger.asked) == 1


def test_a_lost_connection_is_found_and_dialled_again_within_the_deadline() -> None:
    """Both ends agree: the client asks for signs of life no more often than the server allows, gives up and dials again
    early enough for another attempt, and what the bot's author says wins."""
    rpc_server = pytest.importorskip("rollbook_server.rpc.server", reason="the server is not in this environment")
    options = dict(_calls.channel_options("ledger.example:50051", ()))
    allowed = dict(rpc_server._OPTIONS)
    deadline = inspect.signature(rollbook.AsyncClient).parameters["deadline"].default * 1000
    assert options["grpc.keepalive_time_ms"] > allowed["grpc.http2.min_ping_interval_without_data_ms"]
    assert options["grpc.keepalive_permit_without_calls"] == allowed["grpc.keepalive_permit_without_calls"] == 1
    assert options["grpc.http2.max_pings_without_data"] == 0  # as many as needed
    assert options["grpc.keepalive_timeout_ms"] + options["grpc.max_reconnect_backoff_ms"] < deadline / 2
    assert options["grpc.initial_reconnect_backoff_ms"] < options["grpc.max_reconnect_backoff_ms"]
    assert options["grpc.max_reconnect_backoff_ms"] == _calls.LONGEST_PAUSE * 1000
    own = dict(_calls.channel_options("127.0.0.1:50051", [("grpc.keepalive_time_ms", 60_000)]))
    assert own == {**options, "grpc.enable_http_proxy": 0, "grpc.keepalive_time_ms": 60_000}
