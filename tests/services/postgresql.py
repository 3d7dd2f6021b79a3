"""A real PostgreSQL with a cluster of its own, reached through a socket in its own folder only."""

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import psycopg
from sqlalchemy import make_url

from demo.program import StartedProcess

# A test's database need not survive a power cut, and is gone before it is worth tidying;
# the benchmark's must, or it would measure nothing.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")


class Postgresql:
    """One cluster. Each call of `new_database` makes an empty database of its own."""

    def __init__(self, *, durable: bool = False) -> None:
        # Not below pytest's folders: they are closed to other users, and PostgreSQL refuses to run as root;
        # a socket's path must be short besides.
        self._folder = Path(tempfile.mkdtemp(prefix="genkan-pg-"))
        self._user = "postgres" if os.geteuid() == 0 else None
        self._numbers = itertools.count(1)
        cluster = self._folder / "cluster"
        try:
            if self._user:
                shutil.chown(self._folder, self._user, self._user)
            self._initialise(cluster)
            settings = ["listen_addresses=", f"unix_socket_directories={self._folder}"]
            if not durable:
                settings += FAST
            options = [part for setting in settings for part in ("-c", setting)]
            self._process = StartedProcess(
                [_program("postgres"), "-D", cluster, *options],
                ready="database system is ready to accept connections",
                environment=self._environment(),
                folder=self._folder,
                user=self._user,
            )
        except BaseException:
            shutil.rmtree(self._folder)
            raise

    def new_database(self, template: str | None = None) -> str:
        """Make an empty database, or a copy of one that nobody is connected to; returns its SQLAlchemy URL."""
        name = f"genkan_{next(self._numbers)}"
        command = f'CREATE DATABASE "{name}"'
        if template is not None:
            command += f' TEMPLATE "{make_url(template).database}"'
        self._run(command)
        return f"postgresql+psycopg://postgres@/{name}?host={self._folder}"

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected to it.

        Hundreds that stay would be written to the disk, each of twenty megabytes, for nobody.
        """
        self._run(f'DROP DATABASE "{make_url(url).database}" WITH (FORCE)')

    def stop(self) -> None:
        # SIGINT is PostgreSQL's "fast" shutdown: it does not wait for a test's open connections.
        self._process.stop(signal.SIGINT)
        shutil.rmtree(self._folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self, command: str) -> None:
        connection = psycopg.connect(
            host=str(self._folder), user="postgres", dbname="postgres", autocommit=True
        )
        with connection:
            connection.execute(command.encode())

    def _initialise(self, cluster: Path) -> None:
        command = [_program("initdb"), "-D", str(cluster), "-U", "postgres", "-A", "trust"]
        made = subprocess.run(
            [*command, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env=self._environment(),
            cwd=self._folder,
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stdout}{made.stderr}")

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self._folder), "LC_ALL": "C.UTF-8"}


def _program(name: str) -> str:
    """The newest installed one: Debian keeps the server's programs away from PATH, one folder a version."""
    found = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4])
    )
    program = str(found[-1]) if found else shutil.which(name)
    if program is None:
        raise FileNotFoundError(f"PostgreSQL's {name} is not installed; `make test` installs it")
    return program
