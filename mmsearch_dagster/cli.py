"""The command line, `mmsearch`."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmsearch_dagster.core.errors import MmsearchError, QueryError
from mmsearch_dagster.settings import DEFAULT_HOME, HOME_VARIABLE, Settings, preset_file
from mmsearch_dagster.terminal import people
from mmsearch_dagster.terminal.benches import bench

if TYPE_CHECKING:
    from mmsearch_dagster.adapters.released import Released

app = typer.Typer(
    help="Multimodal search: from a catalogue to a gated, released index.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(bench, name="bench")

Home = Annotated[
    Path, typer.Option("--home", envvar=HOME_VARIABLE, help="Folder that holds everything a run writes.")
]
Source = Annotated[
    Path | None,
    typer.Option("--source", help="source.yaml of your shop; default: the embedded sample store."),
]
Root = Annotated[Path | None, typer.Option("--root", help="Folder that the source's paths are relative to.")]
Results = Annotated[int, typer.Option("--k", help="How many products.")]
DEFAULT = Path(DEFAULT_HOME)
DEBUG_VARIABLE = "MMSEARCH_DEBUG"
# What shells report for a process that SIGINT ended.
_INTERRUPTED = 130


def _settings(home: Path, source: Path | None = None, root: Path | None = None) -> Settings:
    return Settings(home.resolve(), source.resolve() if source else None, root.resolve() if root else None)


def _released(home: Path) -> "Released":
    from mmsearch_dagster.adapters.released import Released

    paths = _settings(home).paths
    return Released(
        home=paths.home,
        mlflow=paths.mlflow,
        ledger=paths.ledger,
        index=paths.index,
        encoder_cache=paths.encoder_cache,
    )


@app.command()
def run(
    home: Home = DEFAULT,
    source: Source = None,
    root: Root = None,
    finetune: Annotated[
        bool,
        typer.Option("--finetune", help="Fine-tune the image encoder on the judged training photos first."),
    ] = False,
    preset: Annotated[
        str | None,
        typer.Option("--preset", help="A file like assets/presets/run.yaml, or `multilingual`."),
    ] = None,
) -> None:
    """Run the whole pipeline; what did not change is used again."""
    from mmsearch_dagster.terminal import refreshing, tour

    chosen = preset_file(preset) if preset else None
    settings = replace(_settings(home, source, root), finetune=finetune, preset=chosen)
    refreshing.run(settings)
    tour.show(settings, _released(home))


@app.command()
def search(
    text: Annotated[str | None, typer.Argument(help="What you are looking for, in words.")] = None,
    image: Annotated[
        Path | None, typer.Option("--image", help="A photo of what you are looking for.")
    ] = None,
    voice: Annotated[
        Path | None, typer.Option("--voice", help="A recording of what you are looking for.")
    ] = None,
    weight: Annotated[
        list[str] | None, typer.Option("--weight", help="Weight of a branch, for example text=2; repeatable.")
    ] = None,
    k: Results = 10,
    where: Annotated[
        str | None, typer.Option("--filter", help='For example: price < 50 and brand = "Acme"')
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    batch: Annotated[
        Path | None, typer.Option("--batch", help="File of queries in the judgments format.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="TREC run file to write the answers of --batch to.")
    ] = None,
    user: Annotated[
        str | None, typer.Option("--user", help="Order for this person, an id as the shop's log has it.")
    ] = None,
    root: Root = None,
    home: Home = DEFAULT,
) -> None:
    """Search the released catalogue with words, a photo, a voice, or several; or answer a file of queries."""
    from mmsearch_dagster.terminal import searching

    if batch is not None:
        if any((text, image, voice, weight, user)):
            raise QueryError(
                "--batch answers a file of queries: leave out words, --image, --voice, --weight, --user"
            )
        searching.batch(_released(home), batch, out, root, k=k if k != 10 else searching.BATCH_K, where=where)
        return
    if out is not None or root is not None:
        raise QueryError("--out and --root belong to --batch")
    query = searching.question(text, image, voice, weight or ())
    if user is not None:
        person = people.hidden_id(home, user)
        people.search(_released(home).recommender(), query, person, k=k, where=where, as_json=as_json)
        return
    asked = " + ".join(str(part) for part in (text, voice, image) if part)
    searching.one(_released(home), query, asked, k=k, where=where, as_json=as_json)


people.register(app, _released)


@app.command()
def evaluate(
    judgments: Annotated[Path, typer.Option("--judgments", help="Graded queries in the judgments format.")],
    root: Root = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    home: Home = DEFAULT,
) -> None:
    """Measure the released engine on judged queries, per kind of query."""
    from mmsearch_dagster.terminal import searching

    searching.evaluate(_released(home), judgments, root, as_json=as_json)


@app.command()
def releases(
    home: Home = DEFAULT, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Every release, newest first."""
    from mmsearch_dagster.terminal import tables
    from mmsearch_dagster.terminal.display import console

    rows = _released(home).releases()
    if as_json:
        print(
            json.dumps(
                [{**asdict(row), "manifest": row.manifest.model_dump()} for row in rows], ensure_ascii=False
            )
        )
    else:
        console.print(tables.releases(rows))


@app.command()
def rollback(
    release_id: Annotated[str, typer.Argument(help="An earlier release, see `mmsearch releases`.")],
    reason: Annotated[str, typer.Option("--reason", help="Goes into the ledger.")] = "rolled back by hand",
    home: Home = DEFAULT,
) -> None:
    """Point back at an earlier release: model, encoders and index together, in one step."""
    from mmsearch_dagster.terminal.display import console

    released = _released(home)
    released.manifest()
    move = released.registry.rollback(release_id, reason=reason)
    told = "now answers" if move.moved else "was already the one that answers"
    console.print(f"{move.release.release_id} (model version {move.release.model_version}) {told}")


@app.command()
def serve(
    home: Home = DEFAULT,
    host: Annotated[str, typer.Option("--host")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port")] = 8000,
    wait: Annotated[
        bool, typer.Option("--wait", help="Start without a release; answer 503 until then.")
    ] = False,
) -> None:
    """Answer over HTTP: POST /search, GET /release, GET /health, a page at /."""
    import uvicorn

    from mmsearch_dagster.api.app import create_app
    from mmsearch_dagster.api.people import PeopleDoor

    released = _released(home)
    if not wait:
        released.manifest()
    door = PeopleDoor(released.recommender, lambda user: people.hidden_id(home, user))
    serving = create_app(released.engine, released.release_id, people=door)
    uvicorn.run(serving, host=host, port=port, log_level="warning")


@app.command()
def up(
    home: Home = DEFAULT,
    source: Source = None,
    root: Root = None,
    host: Annotated[str, typer.Option("--host")] = "127.0.0.1",
    dagster_port: Annotated[int, typer.Option("--dagster-port")] = 3000,
    mlflow_port: Annotated[int, typer.Option("--mlflow-port")] = 5000,
    api_port: Annotated[int, typer.Option("--api-port")] = 8000,
) -> None:
    """Dagster, MLflow and the API together; Ctrl-C ends them."""
    from mmsearch_dagster.terminal import servers

    settings = _settings(home, source, root)
    servers.up(settings, host=host, dagster_port=dagster_port, mlflow_port=mlflow_port, api_port=api_port)


@app.command()
def doctor(home: Home = DEFAULT) -> None:
    """What is installed, where data lies, which encoders load."""
    from mmsearch_dagster.terminal import doctor as checks
    from mmsearch_dagster.terminal import tables
    from mmsearch_dagster.terminal.display import console

    settings = _settings(home)
    console.print(tables.facts(checks.installed(), "Installed"))
    console.print(tables.facts(checks.places(settings, _released(home)), "Places"))
    loaded = checks.encoders(settings)
    console.print(tables.facts([(name, told) for name, told, _ in loaded], "Encoders"))
    if not all(fine for _, _, fine in loaded):
        raise MmsearchError("an encoder of assets/presets/run.yaml does not load, see above")


def main(command: Callable[[], None] = app) -> None:
    """Entry point: one clear sentence and an exit code instead of a traceback."""
    try:
        command()
    except MmsearchError as error:
        print(f"mmsearch: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        told = " ".join(str(error).split())
        print(
            f"mmsearch: unexpected {type(error).__name__}: {told} ({DEBUG_VARIABLE}=1 shows where)",
            file=sys.stderr,
        )
        sys.exit(MmsearchError.exit_code)


if __name__ == "__main__":
    main()
