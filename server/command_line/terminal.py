"""What every command begins and ends with: the settings, the database, the office, and what is said on the screen."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console

from server.kernel.errors import GenkanError
from server.kernel.settings import Settings

if TYPE_CHECKING:
    from server.kernel.work import Office

T = TypeVar("T")

screen = Console()
trouble = Console(stderr=True)


def read_settings() -> Settings:
    """Return the settings, or end with what is wrong with them."""
    try:
        return Settings()
    except ValidationError as error:
        lines = [
            f"  {'GENKAN_' + str(each['loc'][0]).upper() + ': ' if each['loc'] else ''}"
            f"{each['msg'].removeprefix('Value error, ')}"
            for each in error.errors(include_input=False)
        ]
        fail("The settings are not right:\n" + "\n".join(lines))


def checked() -> Settings:
    """Return the settings where the database is at the version of this program; end otherwise."""
    return check_database(read_settings())


def check_database(settings: Settings) -> Settings:
    """Return the settings again, or end with what to do about the database."""
    from server.kernel.database import open_database
    from server.kernel.schema import is_current

    engine = open_database(settings.database)
    current = is_current(engine)
    engine.dispose()
    if not current:
        fail("The database is not at the version of this program. Run: python -m server init")
    return settings


def with_office(settings: Settings, do: Callable[["Office"], T]) -> T:
    """Return what `do` makes of an office, or end with what it refused and why."""
    from server.app import create_office

    office = create_office(settings)
    try:
        return do(office)
    except ValidationError as error:
        wrong = [
            f"  {'.'.join(map(str, each['loc']))}: {each['msg'].removeprefix('Value error, ')}"
            for each in error.errors(include_input=False)
        ]
        fail("Please check what was entered:\n" + "\n".join(wrong))
    except GenkanError as error:
        fail(error.detail)
    finally:
        office.close()


def fail(why: str) -> NoReturn:
    """End with a reason."""
    trouble.print(why, style="red", highlight=False, markup=False)
    raise typer.Exit(1)
