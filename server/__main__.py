"""`python -m server`: the server's command line."""

from server.command_line import app

app()
