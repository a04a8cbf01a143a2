"""The names of the package `rollbook` are a promise: none goes, none comes unnoticed, both clients are one."""

from __future__ import annotations

import importlib.resources
import inspect
import re
import subprocess
import sys

import pytest

import rollbook
from rollbook import AsyncClient, AsyncLab, Client, Lab, errors, models

EXPORTED = [
    "Action", "AlreadyExists", "AsyncClient", "AsyncLab", "Backtest", "BacktestChain", "BacktestCycle", "BacktestLeg",
    "BacktestMetrics", "BacktestPerformance", "BacktestSpec", "BacktestState", "BacktestStatus", "BacktestStep",
    "CancelBacktestRequest", "CancelBacktestResponse", "CancelSweepRequest", "CancelSweepResponse", "CashLine",
    "ChainMirror", "ChainOrder", "ChainParity", "ChainState", "ChainValuation", "Client", "CloseReason",
    "CompareBacktestsRequest", "CompareBacktestsResponse", "ContractStyle", "CorrectionEntry", "CreateBacktestRequest",
    "CreateBacktestResponse", "CreateSweepRequest", "CreateSweepResponse", "Cursor", "DataShares", "DataSpec",
    "Dataset", "DatasetGap", "DatasetKind", "DeadlineExceeded", "DeleteBacktestRequest", "DeleteBacktestResponse",
    "DeleteSweepRequest", "DeleteSweepResponse", "DroppedRows", "EquityPoint", "ErrorReason", "ExecutionEntry",
    "ExecutionResult", "ExecutionStatus", "ExitSpec", "ExitStyle", "ExpiryEntry", "ExportProgress",
    "ExportTrainingDataRequest", "ExportTrainingDataResponse", "FailedPrecondition", "FeeSchedule", "FeeSource",
    "FetchDatasetRequest", "FetchDatasetResponse", "FetchProgress", "FetchedHistory", "Fill", "FillPrice", "FillSource",
    "FillSpec", "FillsEntry", "Flag", "GetBacktestReportRequest", "GetBacktestReportResponse", "GetBacktestRequest",
    "GetBacktestResponse", "GetChainRequest", "GetChainResponse", "GetDatasetRequest", "GetDatasetResponse",
    "GetParityRequest", "GetParityResponse", "GetPortfolioRequest", "GetPortfolioResponse", "GetServerStatusRequest",
    "GetServerStatusResponse", "GetSweepRequest", "GetSweepResponse", "Greeks", "Heatmap", "HeatmapCell", "HistoryKind",
    "Instrument", "Internal", "InvalidArgument", "Lab", "LabCursor", "LedgerEntry", "LedgerError", "LegState",
    "LegValuation", "LineKind", "Liquidity", "ListBacktestChainsRequest", "ListBacktestChainsResponse",
    "ListBacktestCyclesRequest", "ListBacktestCyclesResponse", "ListBacktestsRequest", "ListBacktestsResponse",
    "ListChainsRequest", "ListChainsResponse", "ListDatasetGapsRequest", "ListDatasetGapsResponse",
    "ListDatasetsRequest", "ListDatasetsResponse", "ListEntriesRequest", "ListEntriesResponse",
    "ListEquityPointsRequest", "ListEquityPointsResponse", "ListRefusedExecutionsRequest",
    "ListRefusedExecutionsResponse", "ListStepsRequest", "ListStepsResponse", "ListSweepPointsRequest",
    "ListSweepPointsResponse", "ListSweepsRequest", "ListSweepsResponse",
    "ListValuationsRequest", "ListValuationsResponse", "Mark", "MarkFlag", "MissingOffer", "Mode", "NotFound",
    "OptionType", "Order", "OrderState", "OutOfRange", "ParityFlag", "ParityParts", "ParityRow", "ParityTrade",
    "PauseBacktestRequest", "PauseBacktestResponse", "PauseSweepRequest", "PauseSweepResponse", "PermissionDenied",
    "PortfolioRow", "PortfolioValuation", "PositionChain", "PositionEffect", "PositionLeg", "QuoteSource", "RawPayload",
    "RecordExecutionRequest", "RecordExecutionResponse", "RecordExecutionsRequest", "RecordExecutionsResponse",
    "RecordFillsRequest", "RecordFillsResponse", "RecordSettlementRequest", "RecordSettlementResponse",
    "RecordedExecution", "Refusal", "Refused", "RefusedExecution", "RegisterDatasetRequest", "RegisterDatasetResponse",
    "ReportedDelivery", "ResourceExhausted", "ResumeBacktestRequest", "ResumeBacktestResponse", "ResumeSweepRequest",
    "ResumeSweepResponse", "RewardStatistics", "Roll", "RollMove", "Scoring", "SelectionSpec", "SettlementEntry",
    "SettlementPeriod", "Side", "SpecChange", "SpecDifference", "StepOutcome", "StrategyKind", "Sweep", "SweepAxis",
    "SweepFold", "SweepOrder", "SweepPoint", "SyntheticMarket", "TrainingFormat", "TrainingRows", "TrainingStatistics",
    "TriggerCount", "Unauthenticated", "Unavailable", "Unconfirmed", "Unimplemented", "UpdateMarksRequest",
    "UpdateMarksResponse", "ValueSample", "VolatilitySource", "VolatilitySpec", "WalkForward", "WatchBacktestsRequest",
    "WatchBacktestsResponse", "WatchChainsRequest", "WatchChainsResponse", "WatchEntriesRequest",
    "WatchEntriesResponse", "errors", "models", "new_request_id", "specs",
]  # fmt: skip


def test_the_exported_names_are_frozen() -> None:
    """A bot's import works with the next version, too; what is added is added on purpose, here as well."""
    assert rollbook.__all__ == EXPORTED == sorted(EXPORTED)


def test_the_package_exports_what_a_bot_needs() -> None:
    """All models and errors are names of the package itself, and each of its names leads somewhere."""
    classes = {name for name in errors.__all__ if name[0].isupper()}
    assert {
        *models.__all__,
        *classes,
        "AsyncClient",
        "AsyncLab",
        "ChainMirror",
        "Client",
        "Lab",
        "errors",
        "models",
        "new_request_id",
        "specs",
    } == {*EXPORTED}
    for name in EXPORTED:
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
        ("from rollbook import Fill", ["grpc", "asyncio"]),
        ("from rollbook import new_request_id", ["rollbook._client", "rollbook._async_client"]),
        ("from rollbook import Client", ["rollbook._async_client", "grpc_status", "rollbook_server", "numpy"]),
        ("from rollbook import AsyncClient", ["rollbook._client", "grpc_status", "rollbook_server", "numpy"]),
        ("from rollbook import Lab", ["rollbook._async_lab", "rollbook._client", "yaml", "numpy"]),
        ("from rollbook import AsyncLab", ["rollbook._lab", "rollbook._async_client", "yaml", "numpy"]),
        ("from rollbook import specs", ["grpc", "asyncio", "yaml"]),
    ],
)
def test_nothing_is_loaded_before_it_is_needed(statement: str, absent: list[str]) -> None:
    """The server takes the stubs alone, and a bot only what it depends on."""
    code = f"import sys; {statement}; print([name for name in {absent!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def _methods(kind: type) -> dict[str, str]:
    """Each public method, and the constructor, with its signature."""
    found = inspect.getmembers(kind, inspect.isfunction)
    return {name: str(inspect.signature(method)) for name, method in found if name[0] != "_" or name == "__init__"}


def _waiting_taken_out(signature: str) -> str:
    signature = re.sub(r"AsyncGenerator\[(\S+), None\]", r"Generator[\1, None, None]", signature)
    return signature.replace("AsyncIterator[", "Iterator[")


@pytest.mark.parametrize(("asynchronous", "synchronous"), [(AsyncClient, Client), (AsyncLab, Lab)])
def test_twins_have_the_same_methods(asynchronous: type, synchronous: type) -> None:
    """Who knows one client knows the other: same names, same arguments, same defaults, same answers."""
    expected = {name: _waiting_taken_out(text) for name, text in _methods(asynchronous).items()}
    assert len(expected) > 15
    assert _methods(synchronous) == expected
    waiting = {name for name, method in inspect.getmembers(synchronous) if inspect.iscoroutinefunction(method)}
    assert not waiting


def test_the_package_says_that_it_is_typed() -> None:
    """A type checker reads the types of an installed package only if this file stands in it."""
    assert importlib.resources.files(rollbook).joinpath("py.typed").is_file()
