"""What `make install` compiles is there: make goes on where such a line fails."""

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
