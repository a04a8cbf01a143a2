"""The one file that knows everything: builds the parts, starts them in order, stops them in reverse."""

import asyncio
import signal

from rollbook_server import __version__
from rollbook_server.config import ClockKind, Settings
from rollbook_server.domain.backtest.history import Venue
from rollbook_server.domain.clock import EventClock, WallClock
from rollbook_server.expiry import PriceFile, settle_known, watch_clock
from rollbook_server.lab_door import LabDoor
from rollbook_server.ledger import Ledger
from rollbook_server.logs import open_log
from rollbook_server.rpc.server import Server
from rollbook_server.storage.sqlite import VERSION


async def serve(settings: Settings) -> None:
    """Serves until SIGINT or SIGTERM. Raises DatabaseUnusable or PortTaken."""
    with open_log(settings.logs) as log:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopping.set)
        clock = WallClock() if settings.clock is ClockKind.WALL else EventClock()
        ledger = Ledger(settings.db, clock, log, queue_size=settings.queue)
        lab_door = LabDoor(
            settings.lab_db or settings.db.with_name("lab.db"),
            WallClock(),
            log,
            workers=settings.lab_workers,
            memory_mib=settings.lab_memory,
            part_seconds=settings.lab_part,
            training_folder=settings.training_data_dir if settings.save_training_data else None,
            dask_address=settings.dask_address,
            venue=Venue(settings.deribit_url, settings.deribit_rate, settings.deribit_timeout),
            history_folder=settings.history_dir,
        )
        try:
            server = Server(ledger, lab_door, settings.listen, log, WallClock().now())
            await ledger.expire()  # what expired while nobody served
            await server.start()
            tasks = [asyncio.create_task(watch_clock(ledger, log))]
            if settings.delivery_prices is not None:
                tasks.append(asyncio.create_task(settle_known(ledger, PriceFile(settings.delivery_prices), log)))
            status = ledger.status()
            host = settings.listen.rpartition(":")[0]
            log.info(
                "serving",
                version=__version__,
                sqlite=VERSION,
                db=str(settings.db),
                listen=f"{host}:{server.port}",
                clock=settings.clock.value,
                ledger_id=status.ledger_id,
                revision=status.revision,
            )
            tasks.append(asyncio.create_task(lab_door.go_on()))
            await stopping.wait()
            log.info("stopping", grace=settings.grace)
            await server.stop(settings.grace)
            await asyncio.gather(*tasks)
        finally:
            await lab_door.close()
            ledger.close()
        log.info("stopped")
