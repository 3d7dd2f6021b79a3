"""A program that is started, watched until it says it is ready, and ended by its own pid."""

import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

READY_WITHIN = 180.0
ENDS_WITHIN = 20.0


class DidNotStart(Exception):
    """The program ended, or said nothing of being ready within the deadline; the message holds its output."""


class StartedProcess:
    """One running program. Its standard output and error are read together, line by line."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        ready: str | None = None,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        user: str | None = None,
        ready_within: float = READY_WITHIN,
        log: Path | None = None,
    ) -> None:
        """Start the command and return once a line holding the text `ready` was printed (at once when None).

        What it prints goes to the file `log` too, where one is given.
        """
        self.lines: list[str] = []
        self._log = log
        self._news = threading.Condition()
        self._ended = False
        self._process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=None if environment is None else dict(environment),
            cwd=folder,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if ready is not None:
            try:
                self.wait_for_line(ready, within=ready_within)
            except BaseException:
                # Not killed: a server that is only slow has programs of its own to end.
                self.stop()
                raise

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, or None while the program runs."""
        return self._process.poll()

    @property
    def output(self) -> str:
        """All that was printed so far."""
        with self._news:
            return "".join(self.lines)

    def wait_for_line(self, text: str, *, within: float = READY_WITHIN, after: int = 0) -> str:
        """The first line that holds the text; raises DidNotStart when the program ends without printing it.

        `after` is how many lines are passed over: what was printed before is not waited for.
        """
        deadline = time.monotonic() + within
        seen = after
        with self._news:
            while True:
                for line in self.lines[seen:]:
                    if text in line:
                        return line
                seen = len(self.lines)
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    what = "ended" if self._ended else f"took more than {within:.0f} s"
                    told = "".join(self.lines)
                    raise DidNotStart(f"{self._process.args} {what} before {text!r}:\n{told}")
                self._news.wait(left)

    def wait(self, *, within: float = ENDS_WITHIN) -> int:
        """Wait for the program to end by itself; returns its exit code."""
        code = self._process.wait(within)
        self._close()
        return code

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask the program to end, and insist after a while; returns its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(how)
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """End the program as a power cut would."""
        self._process.kill()
        return self.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _read(self) -> None:
        printed = self._process.stdout
        if printed is None:
            raise RuntimeError("the program was started without a pipe")
        with ExitStack() as stack:
            log = stack.enter_context(self._log.open("a", encoding="utf-8")) if self._log else None
            for line in printed:
                if log is not None:
                    log.write(line)
                    log.flush()
                with self._news:
                    self.lines.append(line)
                    self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def _close(self) -> None:
        self._reader.join(ENDS_WITHIN)
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()
