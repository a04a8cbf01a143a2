"""SystemService: what runs here."""

from rollbook.v1 import system_service_pb2 as pb
from rollbook.v1 import system_service_pb2_grpc
from rollbook_server import __version__
from rollbook_server.domain.clock import Micros
from rollbook_server.lab_door import LabDoor
from rollbook_server.ledger import Ledger
from rollbook_server.rpc.encode import timestamp
from rollbook_server.storage.sqlite import VERSION


class SystemService(system_service_pb2_grpc.SystemServiceServicer):
    """The server's own calls."""

    def __init__(self, ledger: Ledger, lab_door: LabDoor, started: Micros) -> None:
        self._ledger, self._lab_door = ledger, lab_door
        self._started = started

    async def GetServerStatus(self, request: pb.GetServerStatusRequest, context: object) -> pb.GetServerStatusResponse:
        status = self._ledger.status()
        check = status.last_check
        lab = self._lab_door.lab
        counts = await lab.counts() if lab else None
        return pb.GetServerStatusResponse(
            version=__version__,
            sqlite_version=VERSION,
            ledger_id=status.ledger_id,
            revision=status.revision,
            head_hash=status.head_hash,
            watchers=self._ledger.feed.watchers,
            last_check_time=timestamp(check.time) if check else None,
            last_check_revision=check.revision if check else 0,
            start_time=timestamp(self._started),
            cached_chains=status.cached_chains,
            queued_commands=status.queued_commands,
            clock_time=timestamp(self._ledger.now),
            lab_id=lab.lab_id if lab else "",
            lab_revision=lab.revision if lab else 0,
            running_backtests=counts.running_backtests if counts else 0,
            queued_backtests=counts.queued_backtests if counts else 0,
            running_sweeps=counts.running_sweeps if counts else 0,
            queued_sweeps=counts.queued_sweeps if counts else 0,
        )
