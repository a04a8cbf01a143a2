"""What a contract's name says."""

from __future__ import annotations


def product_of(symbol: str) -> str:
    """What a contract is named after: BTC is paid in coin, BTC_USDC in USDC."""
    return symbol.partition("-")[0]


def underlying_of(symbol: str) -> str:
    """The coin: BTC of BTC-… and of BTC_USDC-…"""
    return product_of(symbol).partition("_")[0]


def settlement_currency(symbol: str) -> str:
    """What a contract is paid in: BTC of BTC-…, USDC of BTC_USDC-…"""
    return product_of(symbol).rpartition("_")[2]
