"""Rollbook's server: a durable position ledger for options-selling bots."""

__version__ = "0.1.0.dev0"
