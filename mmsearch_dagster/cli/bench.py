"""`mmsearch bench ...`: measurements against the literature."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmsearch_dagster.cli.options import (
    DEFAULT,
    AsJson,
    Finetune,
    FinetuneText,
    Home,
    Preset,
    Root,
    Source,
    run_settings,
)

if TYPE_CHECKING:
    from mmsearch_dagster.settings import Settings

bench = typer.Typer(help="Measure methods on data with known results.", no_args_is_help=True)


@bench.callback()
def _benches() -> None:
    """Measure methods on data with known results."""


@bench.command()
def collaborative(
    ratings: Annotated[
        Path, typer.Option("--ratings", help="MovieLens format: ratings.csv, u.data or ratings.dat.")
    ],
    split: Annotated[
        str, typer.Option("--split", help="global-time, leave-last-one, ratio or random.")
    ] = "global-time",
    k: Annotated[int, typer.Option("--k", min=1, help="Ranks that count.")] = 10,
    min_rating: Annotated[
        float, typer.Option("--min-rating", help="From this rating on someone liked an item.")
    ] = 4.0,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="Of the random split, the models and the intervals.")
    ] = 7,
    as_json: AsJson = False,
) -> None:
    """Popularity, EASE, ALS and BPR on ratings: nDCG@k and recall@k with bootstrap intervals."""
    import json

    from mmsearch_dagster.adapters.sources.ratings import read_ratings
    from mmsearch_dagster.cli.display.bench_tables import (
        collaborative_figures,
        collaborative_notes,
        collaborative_table,
    )
    from mmsearch_dagster.cli.display.progress import console
    from mmsearch_dagster.core.collaborative_filtering import interactions, protocol, splits
    from mmsearch_dagster.core.errors import SourceError

    name = splits.check_split(split)
    params = interactions.FeedbackParams(binary=True, half_life_days=None, min_rating=min_rating)
    liked = interactions.feedback(read_ratings(ratings), params)
    if liked.is_empty():
        raise SourceError(f"no rating in {ratings} is {min_rating:g} or better: lower --min-rating")
    compared = protocol.compare(splits.split(liked, name, seed=seed), params, k=k, seed=seed)
    if not compared.counts["test users"]:
        raise SourceError(
            f"nobody in {ratings} has ratings on both sides of the split '{name}': "
            f"take another --split ({', '.join(splits.SPLITS)}) or more ratings"
        )
    facts = {"ratings": str(ratings), "split": name, "rule": splits.describe(name, seed=seed)}
    facts |= {"k": k, "min_rating": min_rating, "seed": seed}
    if as_json:
        report = facts | {"counts": dict(compared.counts), "skipped": dict(compared.skipped)}
        print(json.dumps(report | {"models": collaborative_figures(compared)}, ensure_ascii=False))
        return
    console.print(collaborative_table(compared, f"{ratings.name}, split {name}"))
    for line in collaborative_notes(compared, str(facts["rule"])):
        console.print(line, highlight=False, markup=False)


@bench.command()
def quality(
    home: Home = DEFAULT,
    source: Source = None,
    root: Root = None,
    finetune: Finetune = None,
    finetune_text: FinetuneText = None,
    preset: Preset = None,
    out: Annotated[Path, typer.Option("--out", help="Folder of the report.")] = Path("quality"),
) -> None:
    """What each modality, pair, strategy and loss is worth: HTML, JSON and TREC files."""
    from mmsearch_dagster.cli.display.bench_tables import ablation_table
    from mmsearch_dagster.cli.display.progress import Display, console
    from mmsearch_dagster.cli.run import alone_in
    from mmsearch_dagster.pipeline.evaluation.ablation import measure_ablations, write_ablations
    from mmsearch_dagster.pipeline.run import prepare
    from mmsearch_dagster.pipeline.workspace import Workspace

    settings = run_settings(home, source, root, finetune, preset=preset, finetune_text=finetune_text)
    with alone_in(settings), Display():
        workspace = Workspace(settings)
        prepare(workspace)
        results = list(measure_ablations(workspace))
    facts = {
        "catalogue": workspace.source.catalogue,
        "command": _command(settings),
        "seed": workspace.preset.train.seed,
        "products": workspace.lake.current("products").facts["rows"],
        "queries": ", ".join(f"{len(result.queries.batch)} {result.split}" for result in results),
    }
    written = write_ablations(results, out, facts)
    for result in results:
        console.print(ablation_table(result))
    console.print(f"Report: {written[0]}", highlight=False, soft_wrap=True)


@bench.command()
def ranking(
    home: Home = DEFAULT,
    source: Source = None,
    root: Root = None,
    preset: Preset = None,
    folds: Annotated[int, typer.Option("--folds", min=2, help="Parts that the queries are cut into.")] = 5,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the folds and the intervals.")] = 7,
    as_json: AsJson = False,
) -> None:
    """What a learned ranking of search results is worth on the shop's judged queries with words.

    Every query is ranked by a ranker that did not see its fold, beside stemmed BM25. Nothing is released.
    """
    import json

    from mmsearch_dagster.cli.display.bench_tables import ranking_columns
    from mmsearch_dagster.cli.display.progress import Display, console
    from mmsearch_dagster.cli.display.tables import frame_table
    from mmsearch_dagster.cli.run import alone_in
    from mmsearch_dagster.core.ranking.comparison import figures_table, simplest_within_noise
    from mmsearch_dagster.pipeline.ranking.ranking_cross_fit import cross_fit_ranking
    from mmsearch_dagster.pipeline.run import prepare
    from mmsearch_dagster.pipeline.workspace import Workspace

    settings = run_settings(home, source, root, preset=preset)
    with alone_in(settings), Display():
        workspace = Workspace(settings)
        prepare(workspace)
        figures = cross_fit_ranking(workspace, folds=folds, seed=seed)
    best = simplest_within_noise(figures)
    if as_json:
        print(json.dumps({"engines": figures_table(figures).to_dicts(), "simplest_within_noise": best}))
        return
    console.print(frame_table(ranking_columns(figures_table(figures)), f"{folds} folds, seed {seed}"))
    console.print(f"The simplest engine within the noise: {best}.", highlight=False)


def _command(settings: "Settings") -> str:
    """The command that gives the same report."""
    options = {"--source": settings.source, "--root": settings.root, "--preset": settings.preset}
    named = [f" {option} {value}" for option, value in options.items() if value]
    tuned = {" --finetune": settings.finetune, " --finetune-text": settings.finetune_text}
    return f"mmsearch bench quality{''.join([*named, *(option for option, on in tuned.items() if on)])}"
