"""Processes that are measured or that measure: started alike, never silent about a failure."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
_TAIL = 2_000


def run_module(module: str, *arguments: str) -> str:
    """The last line that `python -m module` printed. Raises ChildError when it fails."""
    lines = run([sys.executable, "-m", module, *arguments]).strip().splitlines()
    return lines[-1]


def run(command: Sequence[str]) -> str:
    """Standard output. Raises ChildError when the command fails."""
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode:
        told = (done.stdout + done.stderr)[-_TAIL:]
        raise ChildError(f"{' '.join(command)} ended with code {done.returncode}:\n{told}")
    return done.stdout


class ChildError(RuntimeError):
    """A child process failed; the message ends with what it said."""
