"""How long the server itself takes for pages, without the wire: query, facts, messages. Says one JSON line."""

import asyncio
import json
import sys
import time
from pathlib import Path

from rollbook.v1 import chain_pb2
from rollbook.v1 import ledger_service_pb2 as pb
from rollbook_server.domain.clock import WallClock
from rollbook_server.ledger import Ledger
from rollbook_server.logs import open_log
from rollbook_server.rpc.ledger_service import LedgerService

PAGES = {
    "first page": pb.ListChainsRequest(),
    "first page of 500": pb.ListChainsRequest(page_size=500),
    "closed chains of one account": pb.ListChainsRequest(
        account="account-3", states=[chain_pb2.ChainState.CHAIN_STATE_CLOSED]
    ),
    "open chains, of which there are none": pb.ListChainsRequest(states=[chain_pb2.ChainState.CHAIN_STATE_OPEN]),
    "a coin that nobody trades": pb.ListChainsRequest(underlying="ETH"),
}
_TIMES = 40


async def _main(db: Path) -> None:
    with open_log(db.parent / "logs") as log:
        await _measure(Ledger(db, WallClock(), log))


async def _measure(ledger: Ledger) -> None:
    service = LedgerService(ledger)
    taken: dict[str, float] = {}
    for name, request in PAGES.items():
        times = []
        for _ in range(_TIMES):
            started = time.perf_counter()
            answer = await service.ListChains(request, None)
            answer.SerializeToString()
            times.append(time.perf_counter() - started)
        taken[name] = sorted(times)[_TIMES // 2]
    ledger.close()
    print(json.dumps(taken))


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1])))
