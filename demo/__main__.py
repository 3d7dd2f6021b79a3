"""`make demo`: plays a real visit on real parts and stays up; `ONCE=1` plays, checks and ends."""

import signal
import threading
from enum import StrEnum
from typing import Annotated

import qrcode
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
    link = scene.invite_you()
    screen.print(f"\nLook around: [bold]{stage.url}[/]  (API: {stage.url}/api/v1/)")
    screen.print("[bold]Be the visitor[/], with a phone in the same network:")
    screen.print(f"  1. trust this server once: {stage.trust_url} (the page says how)")
    screen.print(f"  2. open your invitation:   {link}")
    _show_code(link)
    screen.print(
        f"  3. at the front door scan the poster, {scene.site['poster']}, with the code on its"
    )
    screen.print(f"     screen: {scene.site['kiosk']}")
    screen.print("Be somebody of the house:")
    for person in scene.site["people"]:
        screen.print(f"  {person['role']:<14} {person['email']:<28} {scene.site['password']}")
    screen.print(f"  the host's page for phones: {stage.url}/host/")
    for point in [point for points in scene.site["gates"].values() for point in points]:
        screen.print(f"  put pictures before the camera of {point}: {stage.scene_folder(point)}")
    screen.print("Ctrl-C stops everything.\n")


def _show_code(link: str) -> None:
    """Print a link as a QR code, for the camera of a phone."""
    code = qrcode.QRCode(border=2)
    code.add_data(link)
    code.print_ascii(invert=True)


if __name__ == "__main__":
    app(prog_name="python -m demo")
