"""Settings from a file and the environment, and errors that name the field."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gate_agent.command_line import app
from gate_agent.settings import ReaderSettings, Settings, load_settings, with_camera

PAGE = Path(__file__).parents[3] / "docs" / "gate-agent.md"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "gate.toml"
    path.write_text(
        'language = "en"\nbattery_clock = true\n'
        '[[readers]]\naccess_point = "main-gate-in"\ncamera = "watch:/srv/scenes"\n'
        '[[readers]]\naccess_point = "sakura-in"\n'
    )
    return path


def test_the_file_says_which_readers_there_are(file: Path) -> None:
    settings = load_settings(file)
    assert [(reader.access_point, reader.camera) for reader in settings.readers] == [
        ("main-gate-in", "watch:/srv/scenes"),
        ("sakura-in", "0"),
    ]
    assert settings.battery_clock


def test_the_environment_wins_over_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENKAN_GATE_LANGUAGE", "zh")
    monkeypatch.setenv("GENKAN_GATE_READERS", '[{"access_point": "side", "camera": "1"}]')
    settings = load_settings(file)
    assert settings.language == "zh"
    assert [reader.access_point for reader in settings.readers] == ["side"]


def test_another_camera_is_for_the_first_reader(file: Path) -> None:
    readers = with_camera(load_settings(file), "3").readers
    assert [reader.camera for reader in readers] == ["3", "0"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("language = ", "gate.toml"),
        ('language = "fr"', "language"),
        ('colour = "blue"', "colour"),
        ('[[readers]]\naccess_point = "Main Gate"', "readers.0.access_point"),
        ('[[readers]]\naccess_point = "side\\n"', "readers.0.access_point"),
        ('[[readers]]\naccess_point = "side"\ncamera = "webcam"', "readers.0.camera"),
        ('[[readers]]\naccess_point = "a"\n[[readers]]\naccess_point = "a"', "one reader only"),
        ("red_pin = 99", "red_pin"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_status_2(
    tmp_path: Path, text: str, told: str
) -> None:
    file = tmp_path / "gate.toml"
    file.write_text(text)
    result = CliRunner().invoke(app, ["run", "--settings", str(file)])
    assert result.exit_code == 2
    assert told in result.stderr


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["status", "--settings", str(tmp_path / "none.toml")])
    assert result.exit_code == 2
    assert "none.toml" in result.stderr


def test_a_machine_that_is_not_enrolled_says_what_to_do(file: Path, tmp_path: Path) -> None:
    file.write_text(file.read_text().replace("[[", f'data_folder = "{tmp_path}/gate"\n[[', 1))
    result = CliRunner().invoke(app, ["run", "--settings", str(file)])
    assert result.exit_code == 2
    assert "python -m gate_agent enrol" in result.stderr


def test_a_camera_without_a_reader_says_what_is_missing() -> None:
    result = CliRunner().invoke(app, ["run", "--camera", "0"])
    assert result.exit_code == 2
    assert "access point" in result.stderr


@pytest.mark.parametrize("name", [*Settings.model_fields, *ReaderSettings.model_fields])
def test_every_setting_stands_in_the_gates_page(name: str) -> None:
    assert re.search(rf"^\| `{name}` \|", PAGE.read_text("utf-8"), re.MULTILINE)


def test_every_setting_says_what_it_is_for() -> None:
    fields = {**Settings.model_fields, **ReaderSettings.model_fields}
    assert not [name for name, field in fields.items() if not field.description]
