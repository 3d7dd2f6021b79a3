"""docker-compose.yml is accepted, and fits the code: commands, settings, ports, users, secrets."""

import importlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.core import TyperGroup
from typer.main import get_command

from gate_agent.settings import Settings as GateSettings
from gate_agent.settings import described
from server.kernel.settings import Settings

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
SECRETS = {
    name: f"x{number}" * 20
    for number, name in enumerate(sorted(set(re.findall(r"\$\{(\w+):\?", FILE.read_text("utf-8")))))
}


# What the file itself says, read without docker-compose: pytest gathers tests where it may be missing.
WRITTEN: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))["services"]
OPTIONS = ["--profile", "devices"]
OURS = [name for name, service in WRITTEN.items() if "build" in service]
SETTINGS = {
    "server": {f"GENKAN_{field.upper()}" for field in Settings.model_fields},
    "gate_agent": {f"GENKAN_GATE_{field.upper()}" for field in described(GateSettings)},
    # It has options only.
    "firmware_sim": set[str](),
}


def _config(environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    program = shutil.which("docker-compose")
    assert program, "docker-compose is not installed; `make test` installs it"
    # An empty file in place of the .env that lies beside the file on a developer's machine.
    with tempfile.NamedTemporaryFile(suffix=".env") as nothing:
        return subprocess.run(
            [program, "--env-file", nothing.name, "-f", str(FILE), *OPTIONS, "config"],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment},
        )


@cache
def _services() -> dict[str, Any]:
    accepted = _config(SECRETS)
    assert accepted.returncode == 0, accepted.stderr
    return yaml.safe_load(accepted.stdout)["services"]


def _dockerfile(service: dict[str, Any]) -> str:
    return (ROOT / service["build"]["dockerfile"]).read_text("utf-8")


def _program(service: dict[str, Any]) -> str:
    entry = re.search(
        r'^ENTRYPOINT \["python", "-m", "(\w+)"\]$', _dockerfile(service), re.MULTILINE
    )
    assert entry, "each image of ours starts one program"
    return entry[1]


def _commands(program: str) -> dict[str, set[str]]:
    """The program's commands, each with the options it knows."""
    app: typer.Typer = importlib.import_module(f"{program}.command_line").app
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    return {
        name: {spelling for option in command.params for spelling in option.opts}
        for name, command in group.commands.items()
    }


def test_the_file_is_accepted_by_docker_compose() -> None:
    assert {"broker", "database", "live", "web", "worker"} <= _services().keys()


@pytest.mark.parametrize("missing", SECRETS)
def test_a_secret_that_is_not_set_is_asked_for_by_name(missing: str) -> None:
    refused = _config({name: value for name, value in SECRETS.items() if name != missing})
    assert refused.returncode != 0
    assert missing in refused.stderr


@pytest.mark.parametrize("missing", SECRETS)
def test_a_secret_that_is_asked_for_stands_in_the_example(missing: str) -> None:
    assert f"\n{missing}=\n" in (ROOT / ".env.example").read_text("utf-8")


def test_no_secret_has_a_default() -> None:
    text = FILE.read_text("utf-8")
    for variable in re.findall(r"\$\{(\w*(?:PASSWORD|SECRET|KEY|TOKEN|CODE)\w*)(.*?)\}", text):
        assert variable[1].startswith(":?"), variable[0]


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_command_that_its_program_has(name: str) -> None:
    service = _services()[name]
    first, *options = service["command"]
    commands = _commands(_program(service))
    assert first in commands
    assert {option for option in options if option.startswith("--")} <= commands[first]


@pytest.mark.parametrize("name", OURS)
def test_a_service_sets_only_settings_that_exist(name: str) -> None:
    service = _services()[name]
    assert service.get("environment", {}).keys() <= SETTINGS[_program(service)]


def test_the_settings_in_the_file_are_accepted_by_the_server() -> None:
    given = _services()["web"]["environment"]
    values = {key.removeprefix("GENKAN_").lower(): value for key, value in given.items()}
    values |= {"secret_key": "A1b2C3d4E5f6G7h8" * 3, "master_key": "Z9y8X7w6V5u4T3s2" * 3}
    settings = Settings.model_validate(values)
    assert settings.database.startswith("postgresql+psycopg://")


@pytest.mark.parametrize(
    ("name", "setting"), [("web", "web_port"), ("live", "live_port"), ("broker", "broker_port")]
)
def test_a_service_is_published_at_the_port_where_it_listens(name: str, setting: str) -> None:
    (port,) = _services()[name]["ports"]
    assert int(port["target"]) == Settings.model_fields[setting].default


def test_nothing_but_what_people_and_devices_need_is_published() -> None:
    published = {name for name, service in _services().items() if "ports" in service}
    assert published == {"broker", "live", "web"}


def test_the_worker_is_woken_where_it_listens() -> None:
    wake = _services()["web"]["environment"]["GENKAN_WORKER_WAKE"]
    assert wake == f"worker:{Settings.model_fields['worker_wake'].default.rpartition(':')[2]}"


@pytest.mark.parametrize("name", WRITTEN)
def test_no_service_runs_as_root(name: str) -> None:
    service = _services()[name]
    user = service.get("user")
    if user is None:
        users = re.findall(r"^USER (\S+)$", _dockerfile(service), re.MULTILINE)
        user = users[-1] if users else "root"
    assert user not in {"root", "0"}


@pytest.mark.parametrize("name", [name for name in WRITTEN if name != "prepare"])
def test_a_service_that_stays_comes_back_when_it_falls(name: str) -> None:
    assert _services()[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", [name for name in WRITTEN if name != "prepare"])
def test_a_service_that_stays_tells_its_health(name: str) -> None:
    service = _services()[name]
    # A controller listens nowhere: its last will at the broker tells when it is gone.
    assert "healthcheck" in service or _program(service) == "firmware_sim"


@pytest.mark.parametrize("name", WRITTEN)
def test_what_a_service_keeps_lies_in_a_volume(name: str) -> None:
    for volume in _services()[name].get("volumes", []):
        assert re.match(r"[a-z-]+:/var/lib/", volume)


@pytest.mark.parametrize(
    "file", sorted((ROOT / "deploy").glob("*.Dockerfile")), ids=lambda f: f.stem
)
def test_an_image_installs_what_was_tested_and_copies_what_exists(file: Path) -> None:
    text = file.read_text("utf-8")
    assert "--require-hashes" in text
    for source in re.findall(r"^COPY (?!--from)(\S+) ", text, re.MULTILINE):
        assert (ROOT / source).exists()
