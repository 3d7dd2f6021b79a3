"""The commands for the database: prepare it, fill it with the demo, seal it anew, and let go what is old."""

import json
from typing import Annotated

import typer
from rich.table import Table

from server.command_line.terminal import (
    check_database,
    checked,
    fail,
    read_settings,
    screen,
    trouble,
    with_office,
)

app = typer.Typer()


@app.command()
def init() -> None:
    """Make or migrate the database; it may be run as often as you like."""
    _migrate()
    screen.print("The database is ready. Next: python -m server add-user", highlight=False)


@app.command()
def migrate() -> None:
    """Bring the database to the version of this program."""
    _migrate()
    screen.print("The database is up to date.", highlight=False)


@app.command("write-migration")
def write_migration(
    revision: Annotated[str, typer.Argument(help="Its number, one above the newest: 0002.")],
    change: Annotated[str, typer.Argument(help="What changes, in a few words.")],
) -> None:
    """Write a migration from what the models have and the database lacks: for who changes the models."""
    from server.kernel import schema

    # The office is what loads the models of every subject.
    with_office(
        read_settings(), lambda office: schema.write_migration(office.engine, revision, change)
    )
    screen.print(f"Written. Look it over in {schema.MIGRATIONS / 'versions'}", highlight=False)


@app.command("demo-data")
def demo_data(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a script.")] = False,
) -> None:
    """Write the demo's site, people and devices, and print their sign-ins and one-time codes."""
    from server.processes import demo_data as data

    settings = read_settings()
    if not settings.demo:
        fail("The demo's people have a known password: set GENKAN_DEMO=true first.")
    check_database(settings)
    written = with_office(settings, data.write)
    if as_json:
        print(json.dumps(written))  # noqa: T201  nothing but JSON, for scripts
        return
    table = Table("sign in as", "role")
    for person in written["people"]:
        table.add_row(person["email"], person["role"])
    screen.print(table, f"Password of all: {written['password']}")
    devices = Table("device", "one-time code")
    for device in written["devices"]:
        devices.add_row(device["id"], device["code"])
    screen.print(devices)


@app.command("seal-anew")
def seal_anew() -> None:
    """Seal everything with the present master key; afterwards the previous one can be left out."""
    from server.kernel.sealing import CannotUnseal
    from server.processes import sealing

    try:
        with_office(checked(), sealing.seal_anew)
    except CannotUnseal as error:
        fail(f"Nothing was changed: something is {error}")
    screen.print("All is sealed with GENKAN_MASTER_KEY. Leave GENKAN_PREVIOUS_MASTER_KEY out now.")


@app.command()
def retention(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would go, and delete nothing.")
    ] = False,
) -> None:
    """Delete what is older than the sites decided to keep it; the worker does the same once a day."""
    from server.processes import retention as process

    lines = with_office(checked(), lambda office: process.run(office, trouble, dry=dry_run))
    table = Table("what", "site", "days", "would go" if dry_run else "deleted")
    for line in lines:
        table.add_row(line.kind.value, line.site or "all", str(line.days), str(line.count))
    screen.print(table)
    if dry_run:
        screen.print("Nothing was deleted. Without --dry-run it is.")


def _migrate() -> None:
    from server.kernel.database import open_database
    from server.kernel.schema import migrate as run_migrations

    engine = open_database(read_settings().database)
    with screen.status("Migrating the database…"):
        run_migrations(engine)
    engine.dispose()
