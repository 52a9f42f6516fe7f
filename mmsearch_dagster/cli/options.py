"""Options that several commands share, and what a home's options mean."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.retrieval.rank_fusion import WEIGHTS_HELP
from mmsearch_dagster.settings import (
    DEFAULT_HOME,
    HOME_VARIABLE,
    RunOptions,
    Settings,
    options_from_environment,
    preset_file,
)

if TYPE_CHECKING:
    from mmsearch_dagster.serving.open_release import Released

DEFAULT = Path(DEFAULT_HOME)
Home = Annotated[
    Path, typer.Option("--home", envvar=HOME_VARIABLE, help="Folder that holds everything a run writes.")
]
Source = Annotated[
    Path | None,
    typer.Option(
        "--source",
        help="source.yaml of your shop; default: that of the home's last run, or the embedded sample store.",
    ),
]
Root = Annotated[Path | None, typer.Option("--root", help="Folder that the source's paths are relative to.")]
Finetune = Annotated[
    bool | None,
    typer.Option(
        "--finetune/--no-finetune",
        help="Fine-tune the image encoder on the judged training photos; default: as the home's last run.",
    ),
]
FinetuneText = Annotated[
    bool | None,
    typer.Option(
        "--finetune-text/--no-finetune-text",
        help="Fine-tune the text encoder on judged and logged queries; default: as the home's last run.",
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(
        "--preset",
        help="A file like assets/presets/run.yaml, or `multilingual`; default: that of the home's last run.",
    ),
]
Weight = Annotated[
    list[str] | None,
    typer.Option(
        "--weight",
        metavar="NAME=NUMBER",
        help=f"{WEIGHTS_HELP[0].upper()}{WEIGHTS_HELP[1:]}. For example image=2, or text=0; repeatable.",
    ),
]
AsTyped = Annotated[
    bool,
    typer.Option("--as-typed", help="Search the words as they are: no correction, no bound, no synonym."),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore",
        metavar="PART",
        help="Do not read this from the words: a kind (price, spelling, without, ...) or a part as the "
        "answer names it, for example 'spelling:blu'; repeatable.",
    ),
]
LogFeatures = Annotated[
    bool,
    typer.Option(
        "--log-features",
        help="Write the query and the features of its candidates, as the ranker reads them, to "
        "features_log/ in the home. Off by default.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Host = Annotated[str, typer.Option("--host", help="Address to listen on.")]


def settings_of(home: Path) -> Settings:
    """Where a home keeps its things."""
    return Settings(home.resolve())


def run_settings(
    home: Path,
    source: Path | None = None,
    root: Path | None = None,
    finetune: bool | None = None,
    *,
    preset: str | None = None,
    finetune_text: bool | None = None,
) -> Settings:
    """What a run does: these options, else the environment, else what the home remembers.

    Raises UserError when it remembers what is gone, ConfigError for a preset that is not there.
    """
    from mmsearch_dagster.pipeline.home import settings_for

    options = RunOptions(
        source.resolve() if source else None,
        root.resolve() if root else None,
        finetune,
        preset_file(preset) if preset else None,
        finetune_text,
    )
    return settings_for(home.resolve(), options, options_from_environment())


def released_of(home: Path, *, log_features: bool = False) -> "Released":
    """What answers for a home; nothing is opened yet. log_features: what the ranker reads is noted."""
    from mmsearch_dagster.adapters.host.clock import utc_clock
    from mmsearch_dagster.adapters.lake.features_log import FeaturesLog
    from mmsearch_dagster.serving.open_release import Released

    paths = settings_of(home).paths
    return Released(
        home=paths.home,
        mlflow=paths.mlflow,
        ledger=paths.ledger,
        index=paths.index,
        encoder_cache=paths.encoder_cache,
        features_log=FeaturesLog(paths.features_log, utc_clock) if log_features else None,
    )


def moved_folders(given: Sequence[str]) -> dict[Path, Path]:
    """Folders as they were -> as they are now, of `OLD=NEW` each. Raises ConfigError for another form."""
    pairs = [text.partition("=") for text in given]
    for old, _, new in pairs:
        if not old or not new:
            raise ConfigError(f"--moved {old}{new}: give OLD=NEW, for example /old/shop=/new/shop")
    return {Path(old).resolve(): Path(new).resolve() for old, _, new in pairs}
