"""The icons of the pass are those that scripts/pass-icons draws."""

import subprocess
import sys
from pathlib import Path


def test_the_icons_are_as_the_script_draws_them() -> None:
    program = Path(__file__).parents[3] / "scripts/pass-icons"
    done = subprocess.run(
        [sys.executable, str(program), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
