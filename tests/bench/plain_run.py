"""The refresh without Dagster, in a process of its own: `python -m tests.bench.plain_run --home DIR`."""

import argparse
import sys
from pathlib import Path

from mmsearch_dagster.core.errors import MmsearchError
from mmsearch_dagster.pipeline.run import refresh
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings


def main() -> None:
    """Refresh; one line per step."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--source", type=Path)
    asked = parser.parse_args()
    try:
        reports = refresh(Workspace(Settings(asked.home.resolve(), asked.source)))
    except MmsearchError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    for report in reports:
        print(f"{report.name:28}{report.seconds:8.2f} s")


if __name__ == "__main__":
    main()
