"""Rollbook's page, and its ledger and lab as JSON and server-sent events: a process on the public client alone."""
