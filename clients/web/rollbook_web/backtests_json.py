"""Backtests as JSON: their status, steering, results and exports."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/api")
