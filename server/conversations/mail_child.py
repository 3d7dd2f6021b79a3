"""The process that reads one mail, with bounds of time and memory: a mail made to break it ends it alone."""

import base64
import json
import resource
import sys

from server.conversations import mail_text

MOST_MEMORY = 1024**3
"""Bytes of address space."""


def main() -> None:
    """Read the mail from standard input, write what it says as JSON."""
    most_seconds = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CPU, (most_seconds, most_seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    letter = mail_text.read(sys.stdin.buffer.read())
    said = {
        "id": letter.id,
        "text": letter.text,
        "is_automatic": letter.is_automatic,
        "files": [
            {"name": each.name, "content": base64.b64encode(each.content).decode("ascii")}
            for each in letter.files
        ],
    }
    # In ASCII: a name may hold what is no character at all.
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main()
