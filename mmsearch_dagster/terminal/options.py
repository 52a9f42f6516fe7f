"""Options that several commands share, and what a home's options mean."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmsearch_dagster.settings import DEFAULT_HOME, HOME_VARIABLE, Settings

if TYPE_CHECKING:
    from mmsearch_dagster.adapters.released import Released

DEFAULT = Path(DEFAULT_HOME)
Home = Annotated[
    Path, typer.Option("--home", envvar=HOME_VARIABLE, help="Folder that holds everything a run writes.")
]
Source = Annotated[
    Path | None,
    typer.Option("--source", help="source.yaml of your shop; default: the embedded sample store."),
]
Root = Annotated[Path | None, typer.Option("--root", help="Folder that the source's paths are relative to.")]
Finetune = Annotated[
    bool, typer.Option("--finetune", help="Fine-tune the image encoder on the judged training photos first.")
]
Preset = Annotated[
    str | None, typer.Option("--preset", help="A file like assets/presets/run.yaml, or `multilingual`.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Host = Annotated[str, typer.Option("--host", help="Address to listen on.")]


def settings_of(home: Path, source: Path | None = None, root: Path | None = None) -> Settings:
    """The settings that these options name, with absolute paths."""
    return Settings(home.resolve(), source.resolve() if source else None, root.resolve() if root else None)


def released_of(home: Path) -> "Released":
    """What answers for a home; nothing is opened yet."""
    from mmsearch_dagster.adapters.released import Released

    paths = settings_of(home).paths
    return Released(
        home=paths.home,
        mlflow=paths.mlflow,
        ledger=paths.ledger,
        index=paths.index,
        encoder_cache=paths.encoder_cache,
    )
