"""One structured line per event: to stderr for people or machines, and to rotating files.

Lines are spelled and written by a thread of their own: a slow disk or terminal delays no call.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path
from queue import SimpleQueue

import structlog

_SIZE, _KEPT = 16 * 2**20, 8


class _Rotating(RotatingFileHandler):
    """Rotates by what it has written itself: asking the disk for every line costs more than the line."""

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: ARG002, N802 - logging calls it so
        return self.stream is not None and self.stream.tell() >= self.maxBytes


class _Unspelled(QueueHandler):
    """Hands records over as they are; the other thread spells them."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record


@contextmanager
def open_log(folder: Path) -> Iterator[structlog.stdlib.BoundLogger]:
    """The server's log: JSON lines on stderr (coloured text on a terminal) and in `folder`/rollbook-server.log."""
    folder.mkdir(parents=True, exist_ok=True)
    file = _Rotating(folder / "rollbook-server.log", maxBytes=_SIZE, backupCount=_KEPT, encoding="utf-8")
    screen = logging.StreamHandler(sys.stderr)
    shared: list[structlog.typing.Processor] = [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.add_log_level,
    ]
    json = structlog.stdlib.ProcessorFormatter(processor=structlog.processors.JSONRenderer(), foreign_pre_chain=shared)
    pretty = structlog.stdlib.ProcessorFormatter(processor=structlog.dev.ConsoleRenderer(), foreign_pre_chain=shared)
    file.setFormatter(json)
    screen.setFormatter(pretty if sys.stderr.isatty() else json)
    lines: SimpleQueue[logging.LogRecord] = SimpleQueue()
    root = logging.getLogger()
    root.handlers = [_Unspelled(lines)]
    root.setLevel(logging.INFO)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    listener = QueueListener(lines, file, screen)
    listener.start()
    log: structlog.stdlib.BoundLogger = structlog.get_logger("rollbook-server")
    try:
        yield log
    finally:
        listener.stop()
        file.close()
