"""`mmsearch relocate`: once, after a home was moved or copied."""

from pathlib import Path

from mmsearch_dagster.adapters.host.run_lock import alone
from mmsearch_dagster.adapters.registry.relocate import DATABASE, Relocation, relocate
from mmsearch_dagster.cli.progress import console
from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.settings import Settings


def relocate_home(settings: Settings, to: Path | None) -> None:
    """Rewrite the addresses of a home's files and say which. Raises ConfigError where there is no home."""
    mlflow = settings.paths.mlflow
    if not (mlflow / DATABASE).is_file():
        raise ConfigError(f"{settings.home} holds no models: give the --home that was moved or copied")
    with alone(settings.paths.lock):
        done = relocate(mlflow, to.resolve() if to else None)
    console.print(in_words(settings.home, done), highlight=False, markup=False, soft_wrap=True)


def in_words(home: Path, done: Relocation | None) -> str:
    """What was done, in a sentence."""
    if done is None:
        return f"Nothing to change: the addresses in {home} lead to it already."
    counts = ", ".join(f"{count} {what}" for what, count in done.counts.items() if count)
    return f"Led to {done.former}, lead to {done.now} now: {counts}."
