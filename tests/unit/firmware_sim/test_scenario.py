"""A scenario plays a day at simulated portals, and a file that is none is refused in words."""

import io
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from access_protocol.ids import DeviceId
from firmware_sim import scenario
from firmware_sim.command_line import app
from firmware_sim.narration import Narrator

CONTROLLER = '[[controllers]]\nid = "door-1"\nkind = "door"\n'
STEP = '[[steps]]\nat = 09:00:00\ncontroller = "door-1"\ndoes = "visit"\n'


def played(day: scenario.Day) -> tuple[Narrator, str]:
    said = io.StringIO()
    narrator = Narrator(Console(file=said, width=100), day)
    narrator.play(speed=0)
    return narrator, said.getvalue()


def test_the_built_in_day_ends_with_what_really_happened_at_each_portal() -> None:
    narrator, said = played(scenario.read_built_in("day"))
    turnstile = narrator.counts[DeviceId("turnstile-1")]
    door = narrator.counts[DeviceId("door-sakura")]
    assert turnstile == {
        "came in": 3,
        "turned round": 1,
        "exit button": 1,
        "refused": 1,
        "starts": 2,
    }
    assert door == {
        "came in": 2,
        "exit button": 4,
        "held open": 1,
        "forced": 1,
        "refused": 1,
        "starts": 1,
    }
    assert "10:05:20  door-sakura      held open" in said
    assert "command refused (gate-sim: no_nonce)" in said
    assert "command refused (gate-sim: locked_down)" in said


def test_every_thing_that_can_happen_has_a_sentence_and_is_in_the_built_in_day() -> None:
    assert set(scenario.SENTENCES) == set(scenario.Does)
    shown = {step.does for step in scenario.read_built_in("day").steps}
    assert shown - {None} == set(scenario.Does)


def test_the_built_in_trouble_ends_in_definite_words_about_each_fault() -> None:
    narrator, said = played(scenario.read_built_in("trouble"))
    machine = narrator.counts[DeviceId("vending-1")]
    assert (machine["drinks"], machine["no drink"], machine["refused"]) == (1, 4, 1)
    for words in (
        "10:00:02  turnstile-1      started",
        "tampered (contact)",
        "bolt stuck (does not unlock)",
        "tampered (case)",
        "interrupted (slot 2)",
        "command refused (gate-sim: out_of_order)",
        "jammed (slot 3)",
        "timed out (slot 4)",
    ):
        assert words in said
    assert "forced open" not in said


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "controllers"),
        (CONTROLLER, "steps"),
        (CONTROLLER + CONTROLLER + STEP, "same id"),
        (CONTROLLER + STEP.replace("door-1", "door-2"), "step 1: no controller is called door-2"),
        (CONTROLLER + STEP.replace("visit", "dance"), r"\$\.steps\[0\]\.does"),
        (CONTROLLER + STEP.replace("visit", "drink"), "step 1: drink means nothing at a door"),
        (CONTROLLER + STEP.replace('does = "visit"\n', ""), "step 1: needs either does or fault"),
        (CONTROLLER + STEP + 'fault = { do = "freeze" }\n', "step 1: needs either does or fault"),
        (
            CONTROLLER + STEP.replace('does = "visit"', 'fault = { do = "melt" }'),
            r"\$\.steps\[0\]\.fault",
        ),
        (CONTROLLER + STEP.replace("09:00:00", '"nine"'), r"\$\.steps\[0\]\.at"),
        (CONTROLLER + STEP + "for_seconds = -1\n", r"\$\.steps\[0\]\.for_seconds"),
        (CONTROLLER + STEP + "colour = 1\n", "colour"),
        (CONTROLLER.replace("door-1", "Door 1") + STEP, r"\$\.controllers\[0\]\.id"),
        ("not TOML", "line 1"),
    ],
)
def test_a_file_that_is_no_scenario_is_refused_with_the_place(text: str, names: str) -> None:
    with pytest.raises(scenario.ScenarioError, match=names):
        scenario.parse(text.encode())


def test_the_scenario_command_plays_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(CONTROLLER + STEP)
    result = CliRunner().invoke(app, ["scenario", str(file)])
    assert result.exit_code == 0
    assert "09:00:00  door-1           opened" in result.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["scenario"], "give either a file or --builtin"),
        (["scenario", "--builtin", "night"], "no scenario 'night', only day, trouble"),
        (["scenario", "missing.toml"], "cannot read it"),
        (["door", "--id", "NO", "--state-folder", "x"], "device id must match"),
    ],
)
def test_a_wrong_argument_is_answered_with_what_to_do(arguments: list[str], says: str) -> None:
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200", "TERM": "dumb"})
    assert result.exit_code == 2
    assert says in result.output
