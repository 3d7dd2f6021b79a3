"""The commands of the gate agent: `python -m gate_agent --help`."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Genkan's gate: sees a visitor's QR credential, decides, and opens.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)


@app.callback()
def gate_agent() -> None:
    """Genkan's gate: sees a visitor's QR credential, decides, and opens."""


@app.command()
def decode(
    files: Annotated[list[Path], typer.Argument(help="Pictures: PNG, JPEG, BMP, WebP.")],
    seconds: Annotated[
        float, typer.Option(min=0.01, max=60, help="Time allowed for each picture.")
    ] = 5.0,
) -> None:
    """Read the QR codes in pictures, with the gate's own eyes.

    Prints one JSON object a line: {"file", "text", "reader", "ms"}. "text" is null where no code
    was read; "texts" is added where there are several; "error" says why a picture could not be
    read. Pictures larger than a camera's frame are made smaller first.

    Exit status: 0 when every picture was read, 1 when a picture holds no readable code,
    2 when a file is no picture.
    """
    from gate_agent.decoder.files import decode_files

    worst = 0
    for line in decode_files(files, seconds=seconds):
        sys.stdout.write(json.dumps(line.as_json(), ensure_ascii=False) + "\n")
        sys.stdout.flush()
        worst = max(worst, line.status)
    raise typer.Exit(worst)
