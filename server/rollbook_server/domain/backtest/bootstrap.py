"""How much of a result is luck: a block bootstrap over the chains of a run."""

import numpy as np

from rollbook_server.domain.backtest.market import Floats

RESAMPLES = 10_000
LOW, HIGH = 0.05, 0.95


def block_length(chains: int, max_open_chains: int) -> int:
    """Chains in a block: the cube root of their number, rounded up, and never fewer than can be open at once.

    n^(1/3) is the order that keeps variance and bias of a block bootstrap small (Hall, Horowitz and Jing 1995); chains
    that were open together share their market, and must stay together.
    """
    return min(chains, max(int(np.ceil(chains ** (1 / 3) - 1e-9)), max_open_chains))


def interval(profits: Floats, length: int, seed: int) -> tuple[Floats, Floats]:
    """5 % and 95 % quantiles of the sum of each column of `profits` (chains, currencies), in order of time.

    Circular blocks (Politis and Romano 1992): each resample strings blocks of `length` that begin anywhere and run on
    from the last chain to the first, cut to the number of chains. Both currencies see the same resamples. The same seed
    gives the same interval (PCG64).
    """
    count = len(profits)
    blocks, rest = divmod(count, length)
    around = np.vstack((np.zeros((1, profits.shape[1])), np.cumsum(np.vstack((profits, profits[:length])), axis=0)))
    whole = around[length : length + count] - around[:count]
    generator = np.random.Generator(np.random.PCG64(seed))
    sums = whole[generator.integers(count, size=(RESAMPLES, blocks))].sum(axis=1)
    if rest:
        sums += (around[rest : rest + count] - around[:count])[generator.integers(count, size=RESAMPLES)]
    low, high = np.quantile(sums, (LOW, HIGH), axis=0)
    return low, high
