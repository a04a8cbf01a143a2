"""The commands of the lab: `rollbook backtest …` and `rollbook data …`."""
