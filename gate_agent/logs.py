"""The gate's log: an event's name and its fields, one line each, with secrets taken out.

The standard library alone, because every megabyte counts on a gate (docs/adr/0011).
"""

import json
import logging
import re
import sys
import time
from typing import Literal, cast

HIDDEN = "[hidden]"
_SECRET = re.compile(
    r"password|passwd|secret|token|cookie|authorization|private|seed|code",
    re.IGNORECASE,
)
_IN_URL = re.compile(r"(?<=://)([^/\s:@]*):([^/\s@]+)@")
_CREDENTIAL = re.compile(r"GKE?1:[0-9A-Z $%*+\-./:]{8,}")
_PLAIN = re.compile(r"[^\s\"'=\x00-\x1f\x7f-\x9f]+")

Style = Literal["console", "json"]


class Log:
    """One module's log; the fields of a line are given by name."""

    def __init__(self, name: str) -> None:
        """`name` is the module's."""
        self._logger = logging.getLogger(name)

    def info(self, event: str, **fields: object) -> None:
        """Log what is worth knowing."""
        self._logger.info(event, extra={"fields": fields})

    def warning(self, event: str, **fields: object) -> None:
        """Log what somebody may have to look after."""
        self._logger.warning(event, extra={"fields": fields})

    def error(self, event: str, **fields: object) -> None:
        """Log what somebody has to look after."""
        self._logger.error(event, extra={"fields": fields})

    def exception(self, event: str, **fields: object) -> None:
        """Log an error that is being handled, with where it came from."""
        self._logger.error(event, exc_info=sys.exception(), extra={"fields": fields})


class LineFormatter(logging.Formatter):
    """Makes a line for people (``time [level] event key=value``) or a JSON object for collectors."""

    converter = time.gmtime

    def __init__(self, style: Style) -> None:
        """Choose the form of the lines."""
        super().__init__()
        self._form = style

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line; only a traceback, at its end, has lines of its own."""
        at = self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}Z"
        level, event = record.levelname.lower(), cleaned("", record.getMessage())
        told = cast("dict[str, object]", getattr(record, "fields", {}))
        fields = {name: cleaned(name, value) for name, value in told.items()}
        trace = cleaned("", self.formatException(record.exc_info)) if record.exc_info else ""
        if self._form == "json":
            line = {"at": at, "level": level, "logger": record.name, "event": event, **fields}
            if trace:
                line["exception"] = trace
            return json.dumps(line, ensure_ascii=False, default=str)
        words = [at, f"[{level}]", _on_one_line(event)]
        words += [f"{name}={_quoted(value)}" for name, value in fields.items()]
        return " ".join(words) + (f"\n{trace}" if trace else "")


def cleaned(name: str, value: object) -> object:
    """Return the value without what must not be in a log; `name` is its field's."""
    if _SECRET.search(name):
        return HIDDEN
    if isinstance(value, str):
        return _CREDENTIAL.sub(f"GK1:{HIDDEN}", _IN_URL.sub(rf"\1:{HIDDEN}@", value))
    if isinstance(value, (list, tuple)):
        return [cleaned("", each) for each in cast("list[object]", value)]
    return value


def set_up_logs(level: str, style: Style = "console") -> None:
    """Write logs to standard error; standard output belongs to the feedback.

    The handler never raises: a log line that a full disk does not take must not end a reader.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(style))
    logging.basicConfig(level=level.upper(), handlers=[handler])


def _on_one_line(text: object) -> str:
    """Return it with line breaks and other control characters written out."""
    plain = str(text)
    return plain if plain.isprintable() else json.dumps(plain, ensure_ascii=True)


def _quoted(value: object) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=not text.isprintable())
