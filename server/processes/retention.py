"""Runs the retention from the command line: with a progress bar, and the files wiped before it ends."""

from rich.console import Console
from rich.progress import Progress

from server.kernel import wiping
from server.kernel.principal import Principal
from server.kernel.work import Office
from server.privacy import actions
from server.privacy.actions import RetentionLine

COMMAND = "command"


def run(office: Office, console: Console, *, dry: bool) -> list[RetentionLine]:
    """Delete what is kept no longer, or only count it; return the lines, one for each kind and site."""
    principal = Principal.system(COMMAND)
    lines: list[RetentionLine] = []
    with Progress(console=console, transient=True) as bar:
        with office.reading(principal) as work:
            steps = actions.steps(work)
        task = bar.add_task("Looking" if dry else "Deleting", total=steps)

        def note(line: RetentionLine) -> None:
            lines.append(line)
            bar.advance(task)

        if dry:
            with office.reading(principal) as work:
                actions.preview(work, note)
        else:
            with office.begin(principal) as work:
                actions.run(work, COMMAND, note)
            wiping.wipe(office.engine, whole=any(line.count for line in lines))
    return lines
