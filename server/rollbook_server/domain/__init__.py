"""The ledger's arithmetic and rules: pure Python, exact decimals, no I/O."""
