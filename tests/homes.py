"""Homes of tests: one is filled by a real run, the others are copies of it."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest

from mmsearch_dagster.adapters.registry.relocate import relocate
from mmsearch_dagster.cli import main
from mmsearch_dagster.cli.options import released_of
from mmsearch_dagster.core.release import ReleaseManifest
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.serving.open_release import Released
from mmsearch_dagster.settings import ASSETS_VARIABLE, HomePaths, Settings

_OURS = ("MMSEARCH_", "DAGSTER_")


@contextmanager
def own_environment(**variables: str) -> Iterator[None]:
    """Nothing of the caller's settings comes in, and what a run sets for its children does not get out."""
    with mock.patch.dict(os.environ):
        for name in [name for name in os.environ if name.startswith(_OURS)]:
            del os.environ[name]
        os.environ.update(variables)
        yield


@dataclass(frozen=True)
class Place:
    """A home, the shop it reads and the reviewed files it obeys."""

    home: Path
    source: Path | None
    assets: Path

    @property
    def paths(self) -> HomePaths:
        return HomePaths(self.home)

    @property
    def settings(self) -> Settings:
        return Settings(self.home, self.source)

    @property
    def workspace(self) -> Workspace:
        """A new one each time: what it opens, it keeps."""
        return Workspace(self.settings, self.assets)

    @property
    def released(self) -> Released:
        return released_of(self.home)

    def manifest(self) -> ReleaseManifest:
        return self.released.manifest()

    def versions(self) -> int:
        """How many model versions the registry holds."""
        return len(self.released.registry.releases())

    def ledger(self) -> str:
        return self.paths.ledger.read_text(encoding="utf-8") if self.paths.ledger.exists() else ""

    def actions(self) -> list[str]:
        """What the ledger tells, oldest first."""
        from mmsearch_dagster.adapters.registry.ledger import Ledger

        return [line.action for line in Ledger(self.paths.ledger).lines()]

    def run(self) -> int:
        """`mmsearch run` here, in this process."""
        source = ["--source", str(self.source)] if self.source else []
        return self.mmsearch("run", *source)

    def mmsearch(self, *arguments: object) -> int:
        """Exit code of the command line, in this process. The home is added."""
        argv = ["mmsearch", *map(str, arguments), "--home", str(self.home)]
        with (
            own_environment(**{ASSETS_VARIABLE: str(self.assets)}),
            mock.patch.object(sys, "argv", argv),
            pytest.raises(SystemExit) as ended,
        ):
            main.main()
        return int(ended.value.code or 0)

    def copy(self, home: Path, *, source: Path | None = None) -> "Place":
        """The same state in another folder, which knows where it lies; encoders are shared."""
        home.mkdir(parents=True)
        for part in self.home.iterdir():
            if part.name == self.paths.encoder_cache.name:
                (home / part.name).symlink_to(part.resolve())
            elif part.is_dir():
                shutil.copytree(part, home / part.name)
            else:
                shutil.copy2(part, home / part.name)
        copied = Place(home, source or self.source, self.assets)
        relocate(copied.paths.mlflow)
        return copied
