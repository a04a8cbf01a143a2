"""A spec as `rollbook backtest run` reads it."""

SPEC = """
# A covered call on one bitcoin, rolled: `rollbook backtest run covered-call.yaml --watch`
# Every field is in docs/api.md under BacktestSpec; what is left out the server fills in.

name: BTC calls, 0.20 delta
underlying: BTC                  # BTC or ETH
strategy: COVERED_CALL           # or CASH_SECURED_PUT
style: INVERSE                   # premium and profit in coin; LINEAR: in USDC
preset: balanced                 # ultra-safe 0.10, balanced 0.20 or aggressive 0.30 delta, 7 to 14 days

# A day is its midnight in UTC. Left out: from the beginning to the end of the data.
# start_time: 2021-04-01
# end_time: 2022-04-01

exit_style: TP_AND_ROLL          # or HOLD_TO_EXPIRY, which has no exits
exits:
  take_profit: 0.5               # when half of the premium could be kept, by the ask
  defend: 0.98                   # roll when the price has come that near to the strike
  max_rolls: 3
  max_debit: 0.0                 # a roll costs nothing, or it is not made

quantity: 1.0                    # coins per chain
max_open_chains: 1
decision_interval_hours: 24      # one decision a day …
decision_hour: 9                 # … at 09:00 UTC

data:                            # ids or names; `rollbook data list` shows them, `rollbook data synthetic` makes some
  spot_dataset_id: synthetic-btc
  volatility_dataset_id: synthetic-btc
"""
