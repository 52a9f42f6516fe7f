"""Which shop a home belongs to: the options of its last run, and whose releases it holds."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from mmsearch_dagster.adapters.host.home import writing
from mmsearch_dagster.adapters.host.run_lock import alone, locked_step
from mmsearch_dagster.adapters.lake.snapshots import write_atomically
from mmsearch_dagster.adapters.registry import relocate
from mmsearch_dagster.core.errors import ConfigError, UserError
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import HomePaths, RunOptions, Settings, settle

SAMPLE = "the embedded sample store"
_FILES = ("source", "root", "preset")


def settings_for(home: Path, *options: RunOptions) -> Settings:
    """The settings of a run in `home`: the given options in their order, then those of the last run.

    Raises:
        MovedHomeError: the home was moved or copied.
        UserError: a stored option names a file that is gone.
        ConfigError: the stored options cannot be read.
    """
    check_location(home)
    settings, now = settle(home, *options, recall(home)), settle(home, *options)
    for option in _FILES:
        path: Path | None = getattr(settings, option)
        if path is not None and path != getattr(now, option) and not path.exists():
            raise UserError(
                f"home {settings.home} remembers --{option} {path}, which is gone: give --{option}, or if "
                f"its folder moved `mmsearch relocate --home {settings.home} --moved OLD=NEW`; for {SAMPLE} "
                "use another --home"
            )
    return settings


def recall(home: Path) -> RunOptions:
    """The options of the last run in `home`; empty where there was none.

    Raises ConfigError when it cannot be read: to take the sample store instead would be another shop.
    """
    file = HomePaths(home).run_options
    try:
        return TypeAdapter(RunOptions).validate_json(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return RunOptions()
    except (OSError, ValidationError) as error:
        why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error.strerror
        raise ConfigError(f"{file} cannot be read ({why}): delete it and give --source again") from error


def remember(settings: Settings) -> None:
    """Keep the options of a run for the next one without options. Absolute paths, in one step."""
    if recall(settings.home) != settings.options:
        with writing(settings.home):
            write_atomically(
                settings.paths.run_options, TypeAdapter(RunOptions).dump_json(settings.options, indent=2)
            )


def write_texts(settings: Settings, folder: Path, texts: Mapping[str, str]) -> None:
    """Files of one folder of a home, by name. Raises ConfigError where the home cannot be written."""
    with writing(settings.home):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")


def locked_step_in(home: Path, waiting: Callable[[], object]) -> AbstractContextManager[None]:
    """Around one step that Dagster launched: it waits while a refresh is alone in `home`, and says so."""
    return locked_step(HomePaths(home).lock, waiting)


def check_location(home: Path) -> None:
    """Raises MovedHomeError where `home` was moved or copied and has not been relocated."""
    relocate.check_location(HomePaths(home).mlflow)


def relocate_home(
    home: Path, to: Path | None = None, *, folders: Mapping[Path, Path] | None = None
) -> list[str]:
    """Let a home that was moved or copied find its own files, and those of a shop that moved too.

    Args:
        home: the home's folder.
        to: where it will lie, if that is not where it is now.
        folders: other folders that moved, as they were -> as they are now.

    Returns:
        Sentences about what was changed, and about what is still looked for in vain.

    Raises:
        ConfigError: there is no home.
        UserError: something works in it.
    """
    paths, folders = HomePaths(home), dict(folders or {})
    if not (paths.mlflow / relocate.DATABASE).is_file():
        raise ConfigError(f"{home} holds no models: give the --home that was moved or copied")
    with alone(paths.lock):
        former = relocate.former_home(paths.mlflow)
        done = relocate.relocate(paths.mlflow, to, folders=folders)
        if former is not None:
            folders = {**folders, former: to or paths.home.resolve()}
        changed = _relocate_options(home, folders)
    return [*([done.sentence] if done else []), *changed, *([] if to else _gone(recall(home)))]


def _relocate_options(home: Path, folders: Mapping[Path, Path]) -> list[str]:
    """The stored options of a run follow the folders that moved."""
    before = recall(home)
    paths = {name: path for name in _FILES if (path := getattr(before, name)) is not None}
    moved = {name: relocate.moved_path(path, folders) for name, path in paths.items()}
    if moved == paths:
        return []
    after = replace(before, **moved)
    file = HomePaths(home).run_options
    write_atomically(file, TypeAdapter(RunOptions).dump_json(after, indent=2))
    changed = [f"--{name} {path}" for name, path in moved.items() if path != paths[name]]
    return [f"The home's next run uses {', '.join(changed)}."]


def _gone(options: RunOptions) -> list[str]:
    return [
        f"--{name} {path} of the home's last run is gone: if its folder moved, give --moved OLD=NEW."
        for name in _FILES
        if (path := getattr(options, name)) is not None and not path.exists()
    ]


def in_words(options: RunOptions) -> str:
    """As options of the command line; a file that is gone is marked."""
    paths = [(name, path) for name in _FILES if (path := getattr(options, name)) is not None]
    words = [f"--{name} {path}{'' if path.exists() else ' (gone)'}" for name, path in paths]
    shop = [] if options.source else [SAMPLE]
    tuned = {"--finetune": options.finetune, "--finetune-text": options.finetune_text}
    return " ".join([*shop, *words, *(option for option, given in tuned.items() if given)])


def check_same_shop(workspace: Workspace) -> None:
    """Raises UserError when the home's releases are of another catalogue than the source.

    They would be replaced by answers from another shop. Nothing is written or drawn for the question.
    """
    champion = workspace.registry.champion() if workspace.paths.mlflow.is_dir() else None
    if champion is None or champion.catalogue == workspace.catalogue:
        return
    raise UserError(
        f"home {workspace.settings.home} holds releases of '{champion.catalogue}', the source "
        f"({workspace.settings.source or SAMPLE}) is '{workspace.catalogue}': use another --home for it, or "
        f"give the --source of '{champion.catalogue}'"
    )
