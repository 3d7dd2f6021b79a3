"""Settings from a file and the environment, and errors that name the field."""

import contextlib
import re
import tempfile
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from access_protocol.wording import Language
from gate_agent.command_line import app
from gate_agent.settings import (
    ReaderSettings,
    Settings,
    UnusableSettings,
    as_text,
    described,
    from_text,
    load_settings,
    with_camera,
)

VARIABLES = [f"GENKAN_GATE_{name.upper()}" for name in described(Settings)]
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


def test_the_environment_speaks_of_switches_numbers_and_lists() -> None:
    settings = load_settings(
        None,
        {
            "GENKAN_GATE_BATTERY_CLOCK": "true",
            "GENKAN_GATE_DISPLAY_PORT": "8090",
            "GENKAN_GATE_DISPLAY_LANGUAGES": '["en", "ja"]',
            "GENKAN_GATE_RING_PINS": "[5, 6, 13]",
            "GENKAN_GATE_DATA_FOLDER": "/var/lib/genkan",
            "GENKAN_GATE_GREEN_PIN": "",
            "PATH": "/usr/bin",
        },
    )
    assert settings == Settings(
        battery_clock=True,
        display_port=8090,
        display_languages=(Language.EN, Language.JA),
        ring_pins=(5, 6, 13),
        data_folder=Path("/var/lib/genkan"),
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("battery_clock", "perhaps"),
        ("red_pin", "one"),
        ("readers", '[{"access_point": '),
        ("language", "[]"),
        ("langauge", "en"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(name: str, text: str) -> None:
    with pytest.raises(UnusableSettings, match=f"^{name}"):
        load_settings(None, {f"GENKAN_GATE_{name.upper()}": text})


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    file = tmp_path / "gate.toml"
    file.write_text('language = "fr"\nred_pin = 99\ncolour = "blue"')
    with pytest.raises(UnusableSettings) as caught:
        load_settings(file, {})
    assert [why.split(":")[0] for why in caught.value.whys] == ["language", "red_pin", "colour"]


@given(st.binary(max_size=200), st.dictionaries(st.sampled_from(VARIABLES), st.text(max_size=40)))
def test_whatever_is_written_ends_in_settings_or_a_named_refusal(
    content: bytes, environment: dict[str, str]
) -> None:
    with tempfile.NamedTemporaryFile(suffix=".toml") as file:
        file.write(content)
        file.flush()
        with contextlib.suppress(UnusableSettings, tomllib.TOMLDecodeError):
            load_settings(Path(file.name), environment)


def test_a_reader_reads_with_its_camera_or_with_its_scanner(tmp_path: Path) -> None:
    file = tmp_path / "gate.toml"
    file.write_text(
        '[[readers]]\naccess_point = "a"\nscanner = "serial:/dev/ttyACM0"\n'
        '[[readers]]\naccess_point = "b"\ncamera = "picamera:0"\n'
    )
    settings = load_settings(file, {})
    assert [reader.source for reader in settings.readers] == ["serial:/dev/ttyACM0", "picamera:0"]
    assert with_camera(settings, "2").readers[0].source == "2"


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
        ('[[readers]]\naccess_point = "side"\ncamera = "webcam"', "readers.0: camera"),
        ('[[readers]]\naccess_point = "side"\nscanner = "usb"', "readers.0: scanner"),
        ('[[readers]]\nscanner = "hid:/dev/input/event0?layout=xx"', "choose from us, jp, de, fr"),
        ('[[readers]]\ncamera = "1"\nscanner = "serial:/dev/ttyACM0"', "not both"),
        ('[[readers]]\naccess_point = "a"\n[[readers]]\naccess_point = "a"', "one reader only"),
        ("red_pin = 99", "red_pin"),
        ("red_pin = 5\ngreen_pin = 5", "each pin"),
        ("ring_pins = [1, 2]", "ring_pins"),
        ("data_folder = 5", "data_folder"),
        ("display_languages = []", "display_languages"),
        ('display_languages = ["fr"]', "display_languages.0"),
        ("[[readers]]\n[[readers]]", "access_point"),
        ('[[readers]]\narrow = "up"', "readers.0.arrow"),
        ('readers = "side"', "readers"),
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
    result = CliRunner().invoke(app, ["status", "--settings", str(file)])
    assert result.exit_code == 2
    assert "holds no identity" in result.stderr


def test_a_camera_without_a_reader_says_what_is_missing() -> None:
    result = CliRunner().invoke(app, ["run", "--camera", "0"])
    assert result.exit_code == 2
    assert "access point" in result.stderr


@pytest.mark.parametrize("name", [*described(Settings), *described(ReaderSettings)])
def test_every_setting_stands_in_the_gates_page(name: str) -> None:
    assert re.search(rf"^\| `{name}` \|", PAGE.read_text("utf-8"), re.MULTILINE)


def test_every_setting_says_what_it_is_for() -> None:
    settings = {**described(Settings), **described(ReaderSettings)}
    assert not [name for name, one in settings.items() if not one.what]


def test_settings_are_the_same_after_they_were_handed_on(file: Path) -> None:
    settings = load_settings(file, {"GENKAN_GATE_DATA_FOLDER": "/x", "GENKAN_GATE_GREEN_PIN": "5"})
    assert from_text(as_text(settings)) == settings
