"""The command line, `mmsearch`: its commands and their options."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from mmsearch_dagster.adapters.host.one_answer import one_answer
from mmsearch_dagster.cli import people
from mmsearch_dagster.cli import releases as release_commands
from mmsearch_dagster.cli.bench import bench
from mmsearch_dagster.cli.options import (
    DEFAULT,
    AsJson,
    AsTyped,
    Finetune,
    FinetuneText,
    Home,
    Host,
    Ignore,
    LogFeatures,
    Preset,
    Root,
    Source,
    Weight,
    moved_folders,
    released_of,
    run_settings,
    settings_of,
)
from mmsearch_dagster.core.catalog.cut_off_exports import ACCEPT_VARIABLE
from mmsearch_dagster.core.errors import MmsearchError, QueryError

app = typer.Typer(
    help="Multimodal search: from a catalogue to a gated, released index.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(bench, name="bench")

DEBUG_VARIABLE = "MMSEARCH_DEBUG"
# What shells report for a process that SIGINT ended.
_INTERRUPTED = 130


@app.command()
def run(
    home: Home = DEFAULT,
    source: Source = None,
    root: Root = None,
    finetune: Finetune = None,
    finetune_text: FinetuneText = None,
    preset: Preset = None,
    accept_smaller: Annotated[
        bool, typer.Option("--accept-smaller", help="Also where the shop lost much since the release.")
    ] = False,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Train models also where only the catalogue changed.")
    ] = False,
    search_trials: Annotated[
        int,
        typer.Option("--search-trials", min=0, help="Search the training's parameters: trials a strategy."),
    ] = 0,
    search_minutes: Annotated[
        float, typer.Option("--search-minutes", min=0.0, help="At most so many minutes a strategy.")
    ] = 60.0,
) -> None:
    """Run the whole pipeline; what did not change is used again. A changed catalogue is served first, under
    the released model; models are trained where more than that changed."""
    from mmsearch_dagster.adapters.hyper_parameters.study import SearchBudget
    from mmsearch_dagster.cli import run as refreshing
    from mmsearch_dagster.cli.display import summary

    settings = run_settings(home, source, root, finetune, preset=preset, finetune_text=finetune_text)
    if accept_smaller:
        os.environ[ACCEPT_VARIABLE] = "1"
    search = SearchBudget(search_trials, search_minutes) if search_trials else None
    waiting = refreshing.run(settings, retrain=retrain, search=search)
    if waiting is not None and released_of(home).release_id() is None:
        return  # the first release of a shop that reviews: nothing answers before somebody approves it
    summary.show(settings, released_of(home))


@app.command()
def search(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[TEXT]", help="What you are looking for, in words.")
    ] = None,
    image: Annotated[
        Path | None, typer.Option("--image", help="A photo of what you are looking for.")
    ] = None,
    voice: Annotated[
        Path | None, typer.Option("--voice", help="A recording of what you are looking for.")
    ] = None,
    weight: Weight = None,
    k: Annotated[
        int | None, typer.Option("--k", help="How many products; 10, or 100 for each query of --batch.")
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(
            "--filter",
            help='For example: price < 50 and category ~ "Shoes"; the language is in docs/filters.md.',
        ),
    ] = None,
    as_json: AsJson = False,
    batch: Annotated[
        Path | None, typer.Option("--batch", help="File of queries in the judgments format.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="TREC run file to write the answers of --batch to.")
    ] = None,
    user: Annotated[
        str | None, typer.Option("--user", help="Order for this person, an id as the shop's log has it.")
    ] = None,
    as_typed: AsTyped = False,
    ignore: Ignore = None,
    root: Root = None,
    log_features: LogFeatures = False,
    home: Home = DEFAULT,
) -> None:
    """Search the released catalogue with words, a photo, a voice, or several; or answer a file of queries."""
    text = " ".join(words) if words else None
    if batch is not None:
        if any((text, image, voice, weight, user, as_typed, ignore)):
            raise QueryError(
                "--batch answers a file of queries: leave out words, --image, --voice, --weight, --user, "
                "--as-typed, --ignore"
            )
        from mmsearch_dagster.cli import search as searching

        deep = searching.BATCH_K if k is None else k
        released = released_of(home, log_features=log_features)
        searching.batch(released, batch, out, root, k=deep, where=where)
        return
    if out is not None or root is not None:
        raise QueryError("--out and --root belong to --batch")
    with one_answer():
        from mmsearch_dagster.cli import search as searching

        k = searching.DEFAULT_K if k is None else k
        released = released_of(home, log_features=log_features)
        query = searching.question(text, image, voice, weight or ())
        query = replace(query, as_typed=as_typed, ignore=tuple(ignore or ()))
        name = " + ".join(str(part) for part in (text, voice, image) if part)
        if user is not None:
            recommender = released.recommender()
            person = people.hidden_id(home, user)
            people.search(recommender, query, person, name=name, k=k, where=where, as_json=as_json)
            return
        searching.answer_query(released, query, name, k=k, where=where, as_json=as_json)


people.register(app)
release_commands.register(app)


@app.command()
def evaluate(
    judgments: Annotated[Path, typer.Option("--judgments", help="Graded queries in the judgments format.")],
    root: Root = None,
    as_json: AsJson = False,
    home: Home = DEFAULT,
) -> None:
    """Measure the released engine on judged queries, per kind of query."""
    from mmsearch_dagster.cli import search as searching

    searching.evaluate(released_of(home), judgments, root, as_json=as_json)


@app.command()
def releases(home: Home = DEFAULT, as_json: AsJson = False) -> None:
    """Every release, newest first."""
    from mmsearch_dagster.cli.display import tables
    from mmsearch_dagster.cli.display.progress import console

    released = released_of(home)
    rows = released.releases()
    if as_json:
        print(
            json.dumps(
                [{**asdict(row), "manifest": row.manifest.model_dump()} for row in rows], ensure_ascii=False
            )
        )
    else:
        console.print(tables.releases(rows))
        if warning := released.warning():
            console.print(f"warning: {warning}", highlight=False, markup=False, soft_wrap=True)


@app.command()
def connect(
    files: Annotated[
        list[str], typer.Argument(help="Exports of your shop: files, or addresses (http, s3, gs).")
    ],
    out: Annotated[Path, typer.Option("--out", help="The mapping to write.")] = Path("source.yaml"),
    catalogue: Annotated[str | None, typer.Option("--catalogue", help="Name of the catalogue.")] = None,
    preview: Annotated[int, typer.Option("--preview", help="How many rows to show as they are read.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
    allow_private: Annotated[
        bool,
        typer.Option("--allow-private", help="Files and pictures may lie in a private network."),
    ] = False,
) -> None:
    """Look at a shop's exports and write a source.yaml for review, with a table of what was understood."""
    from mmsearch_dagster.cli import connect as connecting

    connecting.run(files, out, catalogue=catalogue, preview=preview, force=force, allow_private=allow_private)


@app.command()
def quarantine(
    table: Annotated[
        str, typer.Argument(help="products, events, searches, judgments or reviews.")
    ] = "products",
    k: Annotated[int, typer.Option("--k", help="How many rows of each kind.")] = 20,
    as_json: AsJson = False,
    home: Home = DEFAULT,
) -> None:
    """The rows of a table that the last run could not use, each with its reasons."""
    from mmsearch_dagster.cli.display import quarantine as setting_aside

    setting_aside.show(settings_of(home).home, table, k, as_json=as_json)


@app.command()
def label(
    out: Annotated[Path, typer.Option("--out", help="The CSV file to write.")] = Path("labels.csv"),
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many pairs at most.")] = 200,
    filled_in: Annotated[
        Path | None, typer.Option("--import", help="A file with grades: the next run reads them.")
    ] = None,
    page: Annotated[
        bool, typer.Option("--page", help="Grade on a page of this machine; the next run reads the grades.")
    ] = False,
    port: Annotated[int, typer.Option("--port", help="Of the page; 0 takes a free one.")] = 8002,
    home: Home = DEFAULT,
) -> None:
    """Write the pairs of query and product whose grade would narrow the gate's interval most, for a person to
    grade: in the file, or with --page in a browser. With --import, take a file's grades as judgments for the
    next run."""
    from mmsearch_dagster.cli import label as labelling

    settings = run_settings(home)
    if filled_in is not None:
        labelling.read(settings, filled_in)
    elif page:
        labelling.serve(settings, released_of(home), out, limit, port=port)
    else:
        labelling.write(settings, released_of(home), out, limit)


@app.command()
def rollback(
    release_id: Annotated[str, typer.Argument(help="An earlier release, see `mmsearch releases`.")],
    reason: Annotated[str, typer.Option("--reason", help="Goes into the ledger.")] = "rolled back by hand",
    home: Home = DEFAULT,
) -> None:
    """Point back at an earlier release: model, encoders and index together, in one step."""
    from mmsearch_dagster.adapters.host.home import enough_space
    from mmsearch_dagster.cli.display.progress import console

    released = released_of(home)
    released.manifest()
    with enough_space(settings_of(home).home):
        move = released.rollback(release_id, reason=reason)
    outcome = "now answers" if move.moved else "was already the one that answers"
    console.print(f"{move.release.release_id} (model version {move.release.model_version}) {outcome}")


@app.command()
def relocate(
    home: Home = DEFAULT,
    to: Annotated[
        Path | None,
        typer.Option(help="Where the home will lie, if that is not where it is now: a container's /data."),
    ] = None,
    moved: Annotated[
        list[str] | None,
        typer.Option(
            "--moved",
            metavar="OLD=NEW",
            help="Another folder that moved, such as that of source.yaml and the pictures; repeatable.",
        ),
    ] = None,
) -> None:
    """After a home was moved or copied: let it find its own files, and say what was changed.

    MLflow remembers whole addresses of the files of runs and models. In a home that lies elsewhere they lead
    to where it was: to nothing, or to the files of the home it was copied from. Until this command was run
    once, every other command refuses such a home. The encoders, the index and the tables of a home may lie
    anywhere. Where the shop's own folder moved, `--moved OLD=NEW` lets the source of the next run and the
    pictures of the search page follow. Stop the servers of the home first.
    """
    from mmsearch_dagster.cli.display.progress import console
    from mmsearch_dagster.pipeline.home import relocate_home

    messages = relocate_home(
        settings_of(home).home, to.resolve() if to else None, folders=moved_folders(moved or ())
    )
    for message in messages or ["Nothing to change: the home finds its own files."]:
        console.print(message, highlight=False, markup=False, soft_wrap=True)


@app.command()
def serve(
    home: Home = DEFAULT,
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option("--port")] = 8000,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-origin",
            metavar="ORIGIN",
            help="A site whose pages may ask, such as https://shop.example; repeatable. Default: none.",
        ),
    ] = None,
    log_features: LogFeatures = False,
    workers: Annotated[
        int,
        typer.Option(
            "--workers",
            min=1,
            max=64,
            envvar="MMSEARCH_WORKERS",
            help="Processes that answer, each with the release in its own memory: one per core is fastest.",
        ),
    ] = 1,
    wait: Annotated[
        bool, typer.Option("--wait", hidden=True, help="What `serve` always does; kept for old scripts.")
    ] = True,
) -> None:
    """Answer over HTTP: POST /search, GET /release, GET /health, a page at /. Until the first release every
    path answers 503 and says so; each later release is taken up without a restart."""
    from mmsearch_dagster.cli import serve as server

    server.serve(
        home,
        host=host,
        port=port,
        origins=allow_origin or (),
        log_features=log_features,
        workers=workers,
    )


@app.command()
def up(
    home: Home = DEFAULT,
    source: Source = None,
    root: Root = None,
    finetune: Finetune = None,
    finetune_text: FinetuneText = None,
    preset: Preset = None,
    host: Host = "127.0.0.1",
    dagster_port: Annotated[int, typer.Option("--dagster-port")] = 3000,
    mlflow_port: Annotated[int, typer.Option("--mlflow-port")] = 5000,
    api_port: Annotated[int, typer.Option("--api-port")] = 8000,
) -> None:
    """Dagster, MLflow and the API together; Ctrl-C ends them."""
    from mmsearch_dagster.cli import up as servers

    settings = run_settings(home, source, root, finetune, preset=preset, finetune_text=finetune_text)
    servers.up(settings, host=host, dagster_port=dagster_port, mlflow_port=mlflow_port, api_port=api_port)


@app.command("upgrade-encoder")
def upgrade_encoder(
    modality: Annotated[str, typer.Argument(help="text, image, audio or video.")],
    encoder: Annotated[
        str, typer.Argument(help="LIBRARY:MODEL, such as timm:MODEL, or a name of assets/encoders.yaml.")
    ],
    home: Home = DEFAULT,
) -> None:
    """Another encoder without downtime: encode the catalogue beside the released one, train in the new space,
    and release through the same gate. Stopped anywhere, the same command goes on from there."""
    from mmsearch_dagster.cli import upgrade as upgrading

    upgrading.upgrade(run_settings(home), modality, encoder)


@app.command()
def status(
    home: Home = DEFAULT,
    open_page: Annotated[bool, typer.Option("--open", help="Show the page in the browser too.")] = False,
) -> None:
    """The state of a home: release, last runs, the gate, drift, quarantine, what comes next. Writes the same
    as a page for a phone, reports/status.html in the home."""
    from mmsearch_dagster.cli import status as showing

    showing.show(run_settings(home), open_page=open_page)


@app.command()
def doctor(home: Home = DEFAULT) -> None:
    """What is installed, where data lies, which encoders load."""
    from mmsearch_dagster.adapters.host.home import check_home_folder
    from mmsearch_dagster.cli import doctor as checks
    from mmsearch_dagster.cli.display import tables
    from mmsearch_dagster.cli.display.progress import console

    settings = settings_of(home)
    check_home_folder(settings.home)
    console.print(tables.facts(checks.installed(), "Installed"))
    console.print(tables.facts(checks.file_locations(settings, released_of(home)), "Places"))
    loaded = checks.encoders(run_settings(home))
    console.print(tables.facts([(name, shown) for name, shown, _ in loaded], "Encoders"))
    if not all(fine for _, _, fine in loaded):
        raise MmsearchError("an encoder of the preset does not load, see above")


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
        message = " ".join(str(error).split())
        print(
            f"mmsearch: unexpected {type(error).__name__}: {message} ({DEBUG_VARIABLE}=1 shows where)",
            file=sys.stderr,
        )
        sys.exit(MmsearchError.exit_code)
