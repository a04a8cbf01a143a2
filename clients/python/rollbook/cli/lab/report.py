"""`rollbook backtest report ID`: the page about a run, as a file."""

from __future__ import annotations

import sys
from pathlib import Path

from rollbook.cli.answers import print_json
from rollbook.cli.connection import Session
from rollbook.cli.failures import Stop
from rollbook.cli.figures import count
from rollbook.cli.lab.lookup import find_run
from rollbook.models import GetBacktestReportResponse


def write_report(session: Session, said: str, out: str) -> None:
    """Asks and writes."""
    with session.lab() as lab:
        html = lab.get_backtest_report(find_run(lab, said))
    if out == "-":
        sys.stdout.write(html)
        return
    try:
        Path(out).write_text(html, encoding="utf-8")
    except OSError as error:
        raise Stop(f"--out {out} cannot be written: {error.strerror}") from None
    if session.json:
        print_json(GetBacktestReportResponse(html=html))
    else:
        print(f"Wrote {out}, {count(len(html.encode()) // 1024, 'kilobyte')}: it needs a browser and nothing else.")
