"""The installer of a gate and its units: what they would do, and that systemd understands them."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTALLER = ROOT / "deploy/install-gate"
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))


def install(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(INSTALLER), *options], capture_output=True, text=True, check=False, timeout=60
    )


def test_a_dry_run_says_what_would_be_done_and_does_nothing(tmp_path: Path) -> None:
    said = install("--dry-run", "--root", str(tmp_path), "--display", "--gpio")
    assert said.returncode == 0, said.stderr
    for part in ("--require-hashes", "useradd", "genkan-gate.service", "cage", "python3-lgpio"):
        assert part in said.stdout
    assert not list(tmp_path.iterdir())


def test_help_names_every_option() -> None:
    helped = install("--help")
    assert helped.returncode == 0
    options = {word for word in INSTALLER.read_text("utf-8").split() if word.startswith("--")}
    taken = {option.rstrip(")") for option in options if option.endswith(")")}
    assert {"--camera", "--display", "--root", "--dry-run"} <= taken
    assert all(option in helped.stdout for option in taken)


@pytest.mark.parametrize(
    "options",
    [
        ["--cameras", "0"],
        ["--camera"],
        ["--camera", "--display"],
        ["--language", "fr"],
        ["--camera", 'a"b'],
        ["--root", "/nowhere/at/all"],
    ],
)
def test_what_cannot_be_used_is_named(options: list[str]) -> None:
    # The dry run comes first, so that nothing is ever installed by a test.
    said = install("--dry-run", *options)
    assert said.returncode == 2
    assert options[0] in said.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_the_unit(unit: Path, tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not on this machine")
    # Its programs stand where they will be once it is installed.
    started = {
        line.partition("=")[2].split()[0]
        for line in unit.read_text("utf-8").splitlines()
        if line.startswith("Exec")
    }
    text = unit.read_text("utf-8")
    for path in started:
        text = text.replace(f"={path} ", "=/bin/true ")
    copy = tmp_path / unit.name
    copy.write_text(text)
    for wanted in UNITS:
        if wanted != unit:
            (tmp_path / wanted.name).write_text("[Service]\nExecStart=/bin/true\n")
    checked = subprocess.run(
        [program, "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"},
    )
    complaints = [line for line in checked.stderr.splitlines() if unit.name in line]
    assert not complaints
