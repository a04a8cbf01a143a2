"""The gRPC server: services, health, reflection, limits, one port."""

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection

from rollbook.v1 import (
    backtest_service_pb2,
    backtest_service_pb2_grpc,
    dataset_service_pb2,
    dataset_service_pb2_grpc,
    ledger_service_pb2,
    ledger_service_pb2_grpc,
    system_service_pb2,
    system_service_pb2_grpc,
)
from rollbook_server.domain.clock import Micros
from rollbook_server.lab_door import LabDoor
from rollbook_server.ledger import Ledger
from rollbook_server.rpc.interceptors import CallLog, Log
from rollbook_server.rpc.lab_gate import gated
from rollbook_server.rpc.ledger_service import LedgerService
from rollbook_server.rpc.system_service import SystemService

_OPTIONS = [
    ("grpc.so_reuseport", 0),  # a second server on the port must fail, not take half of the calls
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
]

_BACKTESTS = backtest_service_pb2.DESCRIPTOR.services_by_name["BacktestService"]
_DATASETS = dataset_service_pb2.DESCRIPTOR.services_by_name["DatasetService"]

SERVICES = (
    ledger_service_pb2.DESCRIPTOR.services_by_name["LedgerService"].full_name,
    system_service_pb2.DESCRIPTOR.services_by_name["SystemService"].full_name,
    _BACKTESTS.full_name,
    _DATASETS.full_name,
)


class PortTaken(Exception):
    """The address cannot be listened on."""


class Server:
    """Serves one ledger, and the lab behind a door, on one address."""

    def __init__(self, ledger: Ledger, lab_door: LabDoor, listen: str, log: Log, started: Micros) -> None:
        self._server = grpc.aio.server(interceptors=[CallLog(log)], options=_OPTIONS)
        self._feed, self._lab_door = ledger.feed, lab_door
        ledger_service_pb2_grpc.add_LedgerServiceServicer_to_server(LedgerService(ledger), self._server)
        system_service_pb2_grpc.add_SystemServiceServicer_to_server(
            SystemService(ledger, lab_door, started), self._server
        )
        backtest_service_pb2_grpc.add_BacktestServiceServicer_to_server(
            gated(backtest_service_pb2_grpc.BacktestServiceServicer, _BACKTESTS, lab_door, ledger), self._server
        )
        dataset_service_pb2_grpc.add_DatasetServiceServicer_to_server(
            gated(dataset_service_pb2_grpc.DatasetServiceServicer, _DATASETS, lab_door), self._server
        )
        self._health = health_aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (*SERVICES, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        try:
            self.port: int = self._server.add_insecure_port(listen)
        except RuntimeError as error:
            raise PortTaken(f"{listen} cannot be listened on: another program has the port.") from error

    async def start(self) -> None:
        """Begins to answer."""
        await self._server.start()
        for service in ("", *SERVICES):
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self, grace: float) -> None:
        """Takes no new calls, lets those under way end within `grace` seconds."""
        await self._health.enter_graceful_shutdown()
        self._feed.close()  # a stream has no end of its own to wait for
        self._lab_door.stop_watches()
        await self._server.stop(grace)
