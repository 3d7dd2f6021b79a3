"""Where the gate's log goes, and in what form."""

import logging
import sys

import structlog


def set_up_logs(level: str) -> None:
    """Write logs to standard error, one line each; standard output belongs to the feedback.

    Everything goes through the standard library's handler, which never raises: a log line that a
    full disk does not take must not end a reader.
    """
    before = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0),
            ],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler])
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
