"""Reads a mail that anybody may have made, in a process of its own that is ended when it takes too long.

The standard library reads a mail of many parts, headers or tags in time that grows with their square: two megabytes
can keep it busy for hours, and some headers make it fail. A thread cannot be ended, a process can.
"""

import base64
import json
import subprocess
import sys
from typing import Any

from server.conversations.mail_text import Enclosed, Letter

MOST_SECONDS = 10
"""Of computing; an ordinary mail of 20 MB needs one or two."""
LONGEST_SECONDS = 120
"""Of waiting, for a machine that is too busy to compute."""
_CHILD = "server.conversations.mail_child"


class Unreadable(Exception):
    """A mail that cannot be read with the time and memory that a mail gets."""


def read(raw: bytes, most_seconds: int = MOST_SECONDS) -> Letter:
    """Return what a message (RFC 5322) says, or raise `Unreadable`."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", _CHILD, str(most_seconds)],
            input=raw,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=LONGEST_SECONDS,
            # No secrets of ours.
            env={
                "PATH": "/usr/bin:/bin",
                "LANG": "C.UTF-8",
                "PYTHONPATH": ":".join(filter(None, sys.path)),
            },
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unreadable(f"not read after {LONGEST_SECONDS} seconds") from None
    if done.returncode != 0:
        raise Unreadable(f"the process that read it ended with {done.returncode}")
    said: dict[str, Any] = json.loads(done.stdout)
    return Letter(
        id=said["id"],
        text=said["text"],
        files=tuple(
            Enclosed(each["name"], base64.b64decode(each["content"])) for each in said["files"]
        ),
        is_automatic=said["is_automatic"],
    )
