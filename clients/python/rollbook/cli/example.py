"""An execution as `rollbook record` reads it."""

EXECUTION = """
{
  "request_id": "0a1e6a4c-3b0e-4f0e-9d0a-2f6f1c9b7e11",
  "account": "main",
  "mode": "MODE_LIVE",
  "strategy": "STRATEGY_KIND_COVERED_CALL",
  "action": "ACTION_OPEN",
  "status": "EXECUTION_STATUS_EXECUTED",
  "executed_time": "2026-03-02T09:00:00Z",
  "fills": [
    {
      "source": "FILL_SOURCE_VENUE_TRADE",
      "trade_id": "191715010",
      "symbol": "BTC-25JUN27-150000-C",
      "side": "SIDE_SELL",
      "quantity": "0.1",
      "price": "0.0125",
      "fee": "0.00003",
      "index_price": "91250",
      "executed_time": "2026-03-02T09:00:00Z"
    }
  ]
}
"""
