"""The broker process as gates and doors depend on it: it outlives the database that it is configured from."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from socket import create_connection

import pytest

from demo.ports import free_port
from tests.services.template import SqliteTemplate


@pytest.fixture
def database(tmp_path: Path, sqlite_template: SqliteTemplate) -> Path:
    path = tmp_path / "data" / "genkan.sqlite3"
    sqlite_template.copy(path)
    return path


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def broker(database: Path, port: int) -> "Iterator[subprocess.Popen[str]]":
    with started(database, port) as process:
        yield process


@contextmanager
def started(database: Path, port: int) -> "Generator[subprocess.Popen[str]]":
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("GENKAN_")},
        "PYTHONUNBUFFERED": "1",
        "GENKAN_DEMO": "true",
        "GENKAN_DATA_FOLDER": str(database.parent),
        "GENKAN_BROKER_PORT": str(port),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "server", "broker"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def says(process: "subprocess.Popen[str]", word: str) -> bool:
    """Read on until the process says it, or ends without."""
    assert process.stdout is not None
    return any(word in line for line in process.stdout)


@pytest.mark.broker
def test_doors_keep_their_broker_while_the_database_is_away(
    broker: "subprocess.Popen[str]", database: Path, port: int
) -> None:
    assert says(broker, "broker ready")
    take_away(database)
    assert says(broker, "the database is away")
    # It says so each time that it looks, so it has not ended, and neither has Mosquitto.
    assert says(broker, "the database is away")
    create_connection(("127.0.0.1", port), timeout=5).close()


@pytest.mark.broker
def test_a_broker_that_starts_before_its_database_lets_in_who_had_rights_the_last_time(
    database: Path, port: int
) -> None:
    with started(database, port) as before:
        assert says(before, "broker ready")
    take_away(database)
    with started(database, port) as again:
        assert says(again, "broker ready")


def take_away(database: Path) -> None:
    """Let every question about devices fail, as where the database's server is not there."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("ALTER TABLE devices_device RENAME TO away")
