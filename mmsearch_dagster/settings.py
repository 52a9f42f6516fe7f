"""Where a run keeps its things and what it was asked to do: read once, passed on, never global."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HOME_VARIABLE = "MMSEARCH_HOME"
SOURCE_VARIABLE = "MMSEARCH_SOURCE"
ROOT_VARIABLE = "MMSEARCH_ROOT"
ASSETS_VARIABLE = "MMSEARCH_ASSETS"
DEFAULT_HOME = ".mmsearch"


@dataclass(frozen=True)
class HomePaths:
    """Everything a run writes lies under one folder."""

    home: Path

    @property
    def lake(self) -> Path:
        return self.home / "lake"

    @property
    def features(self) -> Path:
        return self.home / "features"

    @property
    def mlflow(self) -> Path:
        return self.home / "mlflow"

    @property
    def index(self) -> Path:
        return self.home / "index"

    @property
    def dagster(self) -> Path:
        return self.home / "dagster"

    @property
    def reports(self) -> Path:
        return self.home / "reports"

    @property
    def sample(self) -> Path:
        return self.home / "sample"

    @property
    def encoder_cache(self) -> Path:
        return self.home / "encoders"

    @property
    def ledger(self) -> Path:
        return self.home / "ledger.ndjson"

    @property
    def lock(self) -> Path:
        return self.home / "run.lock"


@dataclass(frozen=True)
class Settings:
    """What a run was asked to do. `source` None means the embedded sample store."""

    home: Path
    source: Path | None = None
    root: Path | None = None

    @property
    def paths(self) -> HomePaths:
        return HomePaths(self.home)

    def as_environment(self) -> dict[str, str]:
        """The same settings for a child process."""
        pairs = {HOME_VARIABLE: self.home, SOURCE_VARIABLE: self.source, ROOT_VARIABLE: self.root}
        return {name: str(value) for name, value in pairs.items() if value is not None}


def settings_from(environment: Mapping[str, str] | None = None) -> Settings:
    """Settings of this process: `MMSEARCH_HOME`, `MMSEARCH_SOURCE`, `MMSEARCH_ROOT`."""
    known = os.environ if environment is None else environment

    def path_of(name: str) -> Path | None:
        return Path(known[name]).resolve() if known.get(name) else None

    home = path_of(HOME_VARIABLE) or Path(DEFAULT_HOME).resolve()
    return Settings(home=home, source=path_of(SOURCE_VARIABLE), root=path_of(ROOT_VARIABLE))


def assets_folder() -> Path:
    """The reviewed files: beside the package in a checkout, inside it when installed as a wheel.

    `MMSEARCH_ASSETS` names another folder: a shop's own presets, policies and expectations.
    """
    named = os.environ.get(ASSETS_VARIABLE)
    if named:
        return Path(named).resolve()
    inside = Path(__file__).parent / "assets"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "assets"
