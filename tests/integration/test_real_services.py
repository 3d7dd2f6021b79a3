"""The services that other tests stand on are real, and come back after they fell."""

import socket
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import inspect, text

from server.kernel.database import open_database
from server.kernel.schema import is_current
from tests.conftest import StartBroker
from tests.services.broker import Broker
from tests.services.postgresql import Postgresql


def _answers(broker: Broker) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((broker.host, broker.port)) == 0


@pytest.mark.broker
def test_a_broker_that_was_killed_comes_back_on_the_same_port(broker: Broker) -> None:
    assert _answers(broker)
    broker.kill()
    assert not _answers(broker)
    broker.start()
    assert _answers(broker)


@pytest.mark.broker
def test_a_broker_takes_further_settings(start_broker: StartBroker, tmp_path: Path) -> None:
    (tmp_path / "rights").touch()
    broker = start_broker(["allow_anonymous false", f"acl_file {tmp_path / 'rights'}"])
    assert _answers(broker)


@pytest.mark.postgresql
def test_every_new_database_is_empty_and_its_own(postgresql: Postgresql) -> None:
    one, other = postgresql.new_database(), postgresql.new_database()
    assert one != other
    with psycopg.connect(one.replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE visits (id integer)")
    with psycopg.connect(other.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT to_regclass('visits')").fetchone() == (None,)


def test_a_test_of_the_database_runs_on_both(database_url: str) -> None:
    assert database_url.split(":", maxsplit=1)[0] in {"sqlite", "postgresql+psycopg"}


def test_a_database_of_a_test_has_every_table_and_no_row(
    database_url: str, empty_database_url: str
) -> None:
    for url, there in ((database_url, True), (empty_database_url, False)):
        engine = open_database(url)
        assert is_current(engine) is there
        with engine.connect() as connection:
            tables = inspect(connection).get_table_names()
            assert bool(tables) is there
            for table in set(tables) - {"alembic_version"}:
                assert connection.execute(text(f'SELECT 1 FROM "{table}"')).first() is None  # noqa: S608
        engine.dispose()
