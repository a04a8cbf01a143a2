"""GetParity against a real server: chains of a run, told to the ledger as a bot would, and compared with the run's own
engine; then with one price, one fee, one time, one decision of the bot's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from rollbook import (
    AsyncLab,
    Backtest,
    ChainParity,
    ContractStyle,
    DatasetKind,
    DataSpec,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    ParityFlag,
    ParityParts,
    Side,
    StrategyKind,
    SyntheticMarket,
)
from tests.support.lab import START
from tests.support.lab_told import fill_of, ran, told
from tests.support.server import RunningServer
from tests.support.trading import Trader, trading


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("lab") / "ledger.db") as running:
        yield running


@pytest.fixture
async def lab(server: RunningServer) -> AsyncIterator[AsyncLab]:
    async with AsyncLab(server.target) as client:
        yield client


@pytest.fixture
async def trader(server: RunningServer) -> AsyncIterator[Trader]:
    async with trading(server.target) as made:
        yield made


async def parity_of(lab: AsyncLab, trader: Trader, position: str, run: Backtest) -> ChainParity:
    answer = await lab.get_parity(trader.account, position, backtest_id=run.backtest_id)
    assert answer.parity is not None
    return answer.parity


def values(parts: ParityParts | None) -> dict[str, float]:
    """The parts that are not 0."""
    assert parts is not None
    names = ("difference", "price", "fee", "timing", "rule")
    return {name: value for name in names if (value := getattr(parts, name))}


def only(part: str, value: float) -> object:
    return pytest.approx({"difference": value, part: value}, rel=1e-9)


@pytest.mark.parametrize("style", [ContractStyle.INVERSE, ContractStyle.LINEAR])
async def test_chains_of_a_run_have_parity(lab: AsyncLab, server: RunningServer, style: ContractStyle) -> None:
    """Told to the ledger with the engine's prices, fees and times, every part of each is 0, by the run and by its spec;
    the lab's chain is the run's, and the ledger's own is there, exact."""
    run, chains = await ran(lab, style)
    assert run.spec is not None
    assert {leg.trigger for chain in chains for leg in chain.legs} >= {"expiry", "take_profit"}
    assert max(chain.num_rolls for chain in chains) > 1
    rolled = max(chains, key=lambda chain: chain.num_rolls)
    for chain in (rolled, *(each for each in chains if each.legs[-1].trigger == "expiry" and each is not rolled)):
        async with trading(server.target) as bot:
            position = await told(bot, chain)
            parity = await parity_of(lab, bot, position, run)
            assert not values(parity.parts)
            assert not values(parity.parts_usd)
            assert parity.lab is not None
            assert (parity.lab.legs, parity.lab.close_time) == (chain.legs, chain.close_time)
            assert ParityFlag.SYNTHETIC_DATA in parity.flags
            if chain is rolled:
                answer = await lab.get_parity(bot.account, position, run.spec)
                assert (answer.chain, answer.parity) == (await bot.chain(position), parity)


async def test_each_part_alone(lab: AsyncLab, trader: Trader) -> None:
    """One price, one fee, one time, one decision that differs moves its own part by just that, and no other."""
    run, chains = await ran(lab, ContractStyle.INVERSE)
    chain = next(each for each in chains if each.num_rolls and each.legs[-1].trigger != "expiry")
    sale = fill_of(chain.legs[0], Side.SELL)
    assert sale.price is not None
    assert sale.fee is not None
    assert sale.executed_time is not None
    assert sale.index_price is not None

    dearer = await told(trader, chain, replace(sale, price=sale.price + Decimal("0.0005")))
    assert values((await parity_of(lab, trader, dearer, run)).parts) == only("price", 0.0005)

    cheaper = await told(trader, chain, replace(sale, trade_id="b", fee=sale.fee - Decimal("0.0002")))
    parity = await parity_of(lab, trader, cheaper, run)
    assert values(parity.parts) == only("fee", 0.0002)
    assert values(parity.parts_usd) == only("fee", 0.0002 * float(sale.index_price))

    earlier = replace(
        sale, trade_id="c", executed_time=sale.executed_time - timedelta(minutes=20), index_price=sale.index_price - 900
    )
    then = (await parity_of(lab, trader, await told(trader, chain, earlier), run)).rows[0].repriced
    assert then is not None
    as_the_lab = replace(earlier, trade_id="d", price=Decimal(repr(then.price)), fee=Decimal(repr(then.fee)))
    parity = await parity_of(lab, trader, await told(trader, chain, as_the_lab), run)
    assert then.price < sale.price
    assert values(parity.parts) == only("timing", then.price - then.fee - float(sale.price - sale.fee))

    ended = (await trader.open(replace(sale, trade_id="e"))).position_id
    await trader.close(ended, fill_of(chain.legs[0], Side.BUY))
    parity = await parity_of(lab, trader, ended, run)
    assert values(parity.parts) == only("rule", parity.net_pnl - chain.net_pnl)
    assert {row.leg_number for row in parity.rows if row.chain is None} == {*range(2, len(chain.legs) + 1)}


async def test_what_cannot_be_compared_is_refused(lab: AsyncLab, trader: Trader) -> None:
    """By the request, by the chain, by the data: each with its reason and field; nothing of it is a server's fault."""
    run, chains = await ran(lab, ContractStyle.INVERSE)
    spec = run.spec
    assert spec is not None
    position = await told(trader, chains[0])
    still_open = (await trader.open(fill_of(chains[1].legs[0], Side.SELL))).position_id
    account = trader.account
    for request, kind, reason, field in (
        ((account, position), InvalidArgument, "MISSING_FIELD", "spec"),
        ((account, ""), InvalidArgument, "MISSING_FIELD", "position_id"),
        ((account, "nobody", spec), NotFound, "POSITION_NOT_FOUND", "position_id"),
        (("nobody", position, spec), NotFound, "POSITION_NOT_FOUND", "position_id"),
        ((account, position, replace(spec, underlying="DOGE")), InvalidArgument, "OUT_OF_BOUNDS", "spec.underlying"),
        ((account, still_open, spec), FailedPrecondition, "CHAIN_NOT_COMPARABLE", "position_id"),
        (
            (account, position, replace(spec, strategy=StrategyKind.CASH_SECURED_PUT)),
            FailedPrecondition,
            "CHAIN_NOT_COMPARABLE",
            "spec.strategy",
        ),
    ):
        with pytest.raises(kind) as refused:
            await lab.get_parity(*request)
        assert (refused.value.reason, refused.value.field) == (reason, field)
    with pytest.raises(InvalidArgument, match="either spec or backtest_id"):
        await lab.get_parity(account, position, spec, backtest_id=run.backtest_id)
    with pytest.raises(NotFound) as unknown:
        await lab.get_parity(account, position, backtest_id="nobody")
    assert unknown.value.reason == "BACKTEST_NOT_FOUND"
    bars = await lab.register_dataset(
        kind=DatasetKind.BARS,
        underlying="BTC",
        synthetic=SyntheticMarket(seed=1, start_time=START.replace(year=2020), days=30),
    )
    with pytest.raises(FailedPrecondition, match="the data has no bar for what was done at 2021") as early:
        await lab.get_parity(
            account,
            position,
            replace(spec, data=DataSpec(spot_dataset_id=bars.dataset_id), start_time=None, end_time=None),
        )
    assert (early.value.reason, early.value.field) == ("MARKET_UNKNOWN", "spec.data.spot_dataset_id")
