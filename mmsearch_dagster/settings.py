"""Where a run keeps its things and what it has to do: read once, passed on, never global."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mmsearch_dagster.core.errors import ConfigError, reason_of
from mmsearch_dagster.core.suggest import did_you_mean

HOME_VARIABLE = "MMSEARCH_HOME"
SOURCE_VARIABLE = "MMSEARCH_SOURCE"
ROOT_VARIABLE = "MMSEARCH_ROOT"
FINETUNE_VARIABLE = "MMSEARCH_FINETUNE"
FINETUNE_TEXT_VARIABLE = "MMSEARCH_FINETUNE_TEXT"
PRESET_VARIABLE = "MMSEARCH_PRESET"
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
    def features_log(self) -> Path:
        return self.home / "features_log"

    @property
    def databases(self) -> Path:
        return self.home / "databases"

    @property
    def media(self) -> Path:
        return self.home / "media"

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
    def next_steps(self) -> Path:
        """What is missing and what it would bring, as a run leaves it."""
        return self.reports / "next_steps.markdown"

    @property
    def metrics(self) -> Path:
        return self.home / "metrics"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def alerts(self) -> Path:
        return self.home / "alerts"

    @property
    def searches(self) -> Path:
        return self.home / "search" / "studies.db"

    @property
    def upgrade_preset(self) -> Path:
        return self.home / "upgrade" / "preset.yaml"

    @property
    def status_page(self) -> Path:
        return self.reports / "status.html"

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

    @property
    def labels(self) -> Path:
        return self.home / "labels.csv"

    @property
    def run_options(self) -> Path:
        return self.home / "asked.json"


@dataclass(frozen=True)
class RunOptions:
    """Options of a run: of the command line, the environment, or the home's last run. None: not given."""

    source: Path | None = None
    root: Path | None = None
    finetune: bool | None = None
    preset: Path | None = None
    finetune_text: bool | None = None


@dataclass(frozen=True)
class Settings:
    """What a run has to do. `source` None means the embedded sample store.

    finetune: tune the image encoder on the shop's judged photos, also where the preset does not say so.
    finetune_text: tune the text encoder on the shop's judged and logged queries, likewise.
    preset: what a run uses, instead of the reviewed presets/run.yaml.
    """

    home: Path
    source: Path | None = None
    root: Path | None = None
    finetune: bool = False
    preset: Path | None = None
    finetune_text: bool = False

    def __post_init__(self) -> None:
        """Raises ConfigError for a home that MLflow could not keep its database in."""
        if "?" in str(self.home):
            raise ConfigError(
                f"home {self.home}: MLflow cannot open a database below a folder with '?' in its name: "
                "rename the folder, or use another --home"
            )

    @property
    def paths(self) -> HomePaths:
        return HomePaths(self.home)

    @property
    def options(self) -> RunOptions:
        return RunOptions(self.source, self.root, self.finetune, self.preset, self.finetune_text)

    def as_environment(self) -> dict[str, str]:
        """The same settings for a child process; what they leave open is empty, whatever stood there."""
        pairs = {
            HOME_VARIABLE: self.home,
            SOURCE_VARIABLE: self.source,
            ROOT_VARIABLE: self.root,
            FINETUNE_VARIABLE: "1" if self.finetune else None,
            FINETUNE_TEXT_VARIABLE: "1" if self.finetune_text else None,
            PRESET_VARIABLE: self.preset,
        }
        return {name: "" if value is None else str(value) for name, value in pairs.items()}


def options_from_environment(environment: Mapping[str, str] | None = None) -> RunOptions:
    """What the environment says: `MMSEARCH_` with `SOURCE`, `ROOT`, `FINETUNE`, `FINETUNE_TEXT`, `PRESET`."""
    variables = os.environ if environment is None else environment

    def path_of(name: str) -> Path | None:
        return Path(variables[name]).resolve() if variables.get(name) else None

    return RunOptions(
        source=path_of(SOURCE_VARIABLE),
        root=path_of(ROOT_VARIABLE),
        finetune=True if variables.get(FINETUNE_VARIABLE) else None,
        preset=path_of(PRESET_VARIABLE),
        finetune_text=True if variables.get(FINETUNE_TEXT_VARIABLE) else None,
    )


def settle(home: Path, *options: RunOptions) -> Settings:
    """The settings of a run in `home`; of several options the first that is given wins.

    A root belongs to the source that it is given with: another source does not keep the old root.
    """
    sources = [given.source is not None for given in options]
    shop = options[: sources.index(True) + 1] if any(sources) else options
    return Settings(
        home=home.resolve(),
        source=next((given.source for given in shop if given.source is not None), None),
        root=next((given.root for given in shop if given.root is not None), None),
        finetune=next((given.finetune for given in options if given.finetune is not None), False),
        preset=next((given.preset for given in options if given.preset is not None), None),
        finetune_text=next(
            (given.finetune_text for given in options if given.finetune_text is not None), False
        ),
    )


def preset_file(named: str) -> Path:
    """The preset a person names: a file, or one of the reviewed presets without its `.yaml`.

    Raises ConfigError with the nearest name when there is neither.
    """
    file, folder = Path(named), assets_folder() / "presets"
    if file.is_file():
        return file.resolve()
    reviewed = folder / f"{named}.yaml"
    # encoders.yaml is a list to copy from, not a preset.
    names = sorted({path.stem for path in folder.glob("*.yaml")} - {"encoders"})
    if named in names:
        return reviewed
    raise ConfigError(
        f"preset '{named}': there is no such file and no such name; {did_you_mean(named, names)}"
    )


def read_reviewed(file: Path, what: str) -> str:
    """The text of a reviewed file; `what` it is, for messages. Raises ConfigError when it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{what} {file} cannot be read: {reason_of(error)}") from error


def assets_folder() -> Path:
    """The reviewed files: beside the package in a checkout, inside it when installed as a wheel.

    `MMSEARCH_ASSETS` names another folder: a shop's own presets, policies and expectations.
    """
    named = os.environ.get(ASSETS_VARIABLE)
    if named:
        return Path(named).resolve()
    inside = Path(__file__).parent / "assets"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "assets"
