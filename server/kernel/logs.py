"""Logs: structured lines for people or for collectors, with secrets taken out."""

import io
import logging
import re
import sys
from collections.abc import Iterable, MutableMapping
from types import TracebackType
from typing import Any, Literal, TextIO, cast

import structlog

from server.kernel.text import breaks_line

HIDDEN = "[hidden]"
_SECRET = re.compile(
    r"password|passwd|secret|token|cookie|authorization|private|master_key|api_key|smtp_url",
    re.IGNORECASE,
)
_IN_URL = re.compile(r"(?<=://)([^/\s:@]*):([^/\s@]+)@")
_CREDENTIAL = re.compile(r"GK1:[0-9A-Z $%*+\-./:]{8,}")


def configure(level: str, style: Literal["console", "json"], process: str) -> None:
    """Set up logging of this process; `process` (web, worker, …) is on every line."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[structlog.typing.Processor]
    if style == "json":
        last = [
            structlog.processors.format_exc_info,
            hide_secrets,
            structlog.processors.JSONRenderer(),
        ]
    else:
        colours = sys.stderr.isatty()
        last = [
            hide_secrets,
            _on_one_line,
            structlog.dev.ConsoleRenderer(
                colors=colours,
                # The default prints local variables, secrets among them.
                exception_formatter=_indented_traceback,
            ),
        ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    structlog.contextvars.bind_contextvars(process=process)


def hide_secrets(
    _logger: object, _method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace what must not be in a log: values under telling names, passwords in URLs, credentials."""
    for key, value in line.items():
        line[key] = HIDDEN if _SECRET.search(key) else _cleaned(value)
    return line


def _on_one_line(
    _logger: object, _method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    # Libraries put what strangers sent into their messages, and the renderer quotes only text with blanks in it.
    for key, value in line.items():
        if isinstance(value, str):
            line[key] = _visible(value)
    return line


def _indented_traceback(
    out: TextIO, error: tuple[type[BaseException], BaseException, TracebackType | None]
) -> None:
    """Write a traceback of which no line looks like a line of the log, whatever stands in the error's text."""
    text = io.StringIO()
    structlog.dev.plain_traceback(text, error)
    out.write("\n".join(f"  {_visible(line)}" for line in text.getvalue().split("\n")))


def _visible(text: str) -> str:
    """Return text in which what would end a line or steer a terminal is spelt out."""
    return "".join(ascii(each)[1:-1] if breaks_line(each) else each for each in text)


def _cleaned(value: object) -> object:
    match value:
        case str():
            return _CREDENTIAL.sub(f"GK1:{HIDDEN}", _IN_URL.sub(rf"\1:{HIDDEN}@", value))
        case dict():
            entries = cast("dict[object, object]", value).items()
            return {k: HIDDEN if _SECRET.search(str(k)) else _cleaned(v) for k, v in entries}
        case list() | tuple():
            return [_cleaned(each) for each in cast("Iterable[object]", value)]
        case _:
            return value
