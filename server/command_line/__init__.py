"""The server's commands: run it, prepare its database, and what an administrator does at a terminal."""

import typer

from server.command_line import administration, database, floor_plans, programs

app = typer.Typer(
    help=(
        "Genkan's server. Settings come from the environment (GENKAN_…) or the file .env; "
        "begin with: make-secret, init, add-user, serve."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for each in (programs, database, administration):
    app.add_typer(each.app)
app.add_typer(floor_plans.app, name="floor-plan")
