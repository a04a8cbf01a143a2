"""One structured line per event: to stderr for people or machines, and to rotating files."""

import logging
import logging.handlers
import sys
from pathlib import Path

import structlog

_SIZE, _KEPT = 16 * 2**20, 8


def open_log(folder: Path) -> structlog.stdlib.BoundLogger:
    """The server's log: JSON lines on stderr (coloured text on a terminal) and in `folder`/rollbook-server.log."""
    folder.mkdir(parents=True, exist_ok=True)
    file = logging.handlers.RotatingFileHandler(
        folder / "rollbook-server.log", maxBytes=_SIZE, backupCount=_KEPT, encoding="utf-8"
    )
    screen = logging.StreamHandler(sys.stderr)
    shared: list[structlog.typing.Processor] = [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.add_log_level,
    ]
    json = structlog.stdlib.ProcessorFormatter(processor=structlog.processors.JSONRenderer(), foreign_pre_chain=shared)
    pretty = structlog.stdlib.ProcessorFormatter(processor=structlog.dev.ConsoleRenderer(), foreign_pre_chain=shared)
    file.setFormatter(json)
    screen.setFormatter(pretty if sys.stderr.isatty() else json)
    root = logging.getLogger()
    root.handlers = [file, screen]
    root.setLevel(logging.INFO)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    log: structlog.stdlib.BoundLogger = structlog.get_logger("rollbook-server")
    return log
