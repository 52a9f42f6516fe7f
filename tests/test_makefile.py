"""What `make install` compiles is there: make goes on where such a line fails.

`make test` fails where one of its parts does.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

_MAKEFILE = Path(__file__).parents[1] / "Makefile"


def _snippets() -> dict[str, str]:
    """Variable -> the Python code that the Makefile gives to `python -c`."""
    text = _MAKEFILE.read_text(encoding="utf-8").replace("\\\n", "")
    return dict(re.findall(r"^(COMPILE_\w+) := (.*)$", text, re.MULTILINE))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["COMPILE_SOUND", "COMPILE_IMPORTS"])
def test_what_installation_compiles_can_be_imported(name: str) -> None:
    ended = subprocess.run([sys.executable, "-c", _snippets()[name]], capture_output=True, text=True)

    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("broken", ["", "python", "pyright", "ruff"])
def test_make_test_fails_where_a_test_or_a_check_does(broken: str, tmp_path: Path) -> None:
    for tool in ("python", "pyright", "ruff"):
        script = tmp_path / tool
        script.write_text(f"#!/bin/sh\necho {tool} ran\nexit {int(tool == broken)}\n")
        script.chmod(0o755)
    stamp = tmp_path / "installed"
    stamp.touch()
    command = ["make", "test", f"BIN={tmp_path}", f"STAMP={stamp}"]

    # The `make` that runs this test may have been given variables of its own.
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS")}
    ended = subprocess.run(command, cwd=_MAKEFILE.parent, env=env, capture_output=True, text=True)

    assert (ended.returncode != 0) == bool(broken), ended.stderr
    assert f"{broken or 'ruff'} ran" in ended.stdout.splitlines()
