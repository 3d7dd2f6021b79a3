"""`make demo`: plays a real visit on real parts and stays up; `ONCE=1` plays, checks and ends."""

import signal
import threading
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from demo.program import DidNotStart
from demo.scene import Scene
from demo.stage import Stage
from demo.timeline import StepFailedError, Timeline


class People(StrEnum):
    """What simulated people do."""

    WALK = "walk"
    NONE = "none"


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def main(
    once: Annotated[
        bool, typer.Option("--once", help="Play, check every step, stop everything, and end.")
    ] = False,
    camera: Annotated[
        str | None,
        typer.Option(help="A real camera for the entrance instead of rendered frames, such as 0."),
    ] = None,
    people: Annotated[
        People, typer.Option(help="Whether simulated people walk through what was unlocked.")
    ] = People.WALK,
) -> None:
    """Play a visit: invitation, gate, four refusals, meeting room. Exit status 0 only if it all happened."""
    timeline = Timeline()
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # so that it too ends what was started
    try:
        with Stage() if once else Stage.on_usual_ports() as stage:
            _play(Scene(stage, timeline, camera, people), once=once)
    except (StepFailedError, DidNotStart, RuntimeError) as error:
        timeline.failed(str(error))
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        timeline.note("stopped")


def _play(scene: Scene, *, once: bool) -> None:
    stage, timeline = scene.stage, scene.timeline
    timeline.note(f"logs of every program: {stage.folder}/logs (kept if a step fails)")
    scene.play()
    timeline.title(f"All {timeline.steps} steps really happened.")
    if once:
        return
    _invite_to_look_around(stage, scene)
    threading.Event().wait()


def _invite_to_look_around(stage: Stage, scene: Scene) -> None:
    screen = Console(highlight=False, soft_wrap=True)
    screen.print(f"\nLook around: [bold]{stage.url}[/]  (API: {stage.url}/api/v1/)")
    screen.print(f"  phones and browsers trust it after {stage.trust_url} (the page says how)")
    for person in scene.site["people"]:
        screen.print(f"  {person['role']:<14} {person['email']:<28} {scene.site['password']}")
    screen.print(f"  the visitor's page: {scene.link}")
    for point in scene.site["access_points"]:
        screen.print(f"  put pictures before the camera of {point}: {stage.scene_folder(point)}")
    screen.print("Ctrl-C stops everything.\n")


if __name__ == "__main__":
    app(prog_name="python -m demo")
