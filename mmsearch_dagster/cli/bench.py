"""`mmsearch bench ...`: measurements against the literature."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    import polars as pl
    from rich.table import Table

    from mmsearch_dagster.core.collaborative_filtering.protocol import Comparison
    from mmsearch_dagster.pipeline.evaluation.ablation import AblationResult
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
        print(json.dumps(report | {"models": figures(compared)}, ensure_ascii=False))
        return
    console.print(_table(compared, f"{ratings.name}, split {name}"))
    for line in _notes(compared, str(facts["rule"])):
        console.print(line, highlight=False, markup=False)


def figures(compared: "Comparison") -> list[dict[str, Any]]:
    """One entry per model, the best on validation first."""
    return [
        {
            "model": model.params.kind,
            "parameters": model.params.description(),
            "validation": None if model.validation != model.validation else model.validation,
            **{name: value.mean for name, value in model.intervals.items()},
            "intervals": {
                name: None if value.low != value.low else [value.low, value.high]
                for name, value in model.intervals.items()
            },
        }
        for model in compared.measured
    ]


def _notes(compared: "Comparison", rule: str) -> list[str]:
    """What stands below the table."""
    chosen = [
        f"{model.params.kind}: {model.params.description()}"
        for model in compared.measured
        if model.params.description()
    ]
    return [
        f"Split: {rule}.",
        f"Chosen on validation: {'; '.join(chosen)}.",
        f"{', '.join(f'{name} {count:,}' for name, count in compared.counts.items())}.",
        *(f"{kind} left out: {why}" for kind, why in compared.skipped.items()),
    ]


def _table(compared: "Comparison", title: str) -> "Table":
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title), title_justify="left", header_style="bold")
    metrics = list(compared.chosen.intervals)
    table.add_column("model", no_wrap=True)
    for name in (*metrics, "validation"):
        table.add_column(name.replace("ndcg", "nDCG"), justify="right", no_wrap=True)
    for model in compared.measured:
        cells = [f"{each.mean:.4f} [{each.low:.3f}, {each.high:.3f}]" for each in model.intervals.values()]
        table.add_row(model.params.kind, *map(escape, cells), f"{model.validation:.4f}")
    return table


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
        console.print(_ablation_table(result))
    console.print(f"Report: {written[0]}", highlight=False, soft_wrap=True)


def _ablation_table(result: "AblationResult") -> "Table":
    """All queries of one split, group by group."""
    import polars as pl
    from rich.table import Table

    from mmsearch_dagster.core.evaluation.quality_table import ALL
    from mmsearch_dagster.pipeline.evaluation.ablation import GROUPS

    rows = result.table.filter(pl.col("kind") == ALL)
    table = Table(title=f"{result.split}, all queries", title_justify="left", header_style="bold")
    for name in ("", "trained on", "nDCG@10", "95% interval", "R@10", "top-1"):
        table.add_column(name, justify="right" if name in ("nDCG@10", "R@10", "top-1") else "left")
    for group in GROUPS:
        for row in rows.filter(pl.col("group") == group).iter_rows(named=True):
            between = f"{row['low']:.3f}–{row['high']:.3f}"
            cells = (f"{row[name]:.3f}" for name in ("recall@10", "top1"))
            table.add_row(group, row["branch"], f"{row['ndcg@10']:.3f}", between, *cells)
    for row in result.deltas:
        table.add_row("verdict", row["trial"], "", str(row["lost without"]), "", str(row["verdict"]))
    return table


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

    from mmsearch_dagster.cli.display import tables
    from mmsearch_dagster.cli.display.progress import Display, console
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
    console.print(tables.frame_table(_shown(figures_table(figures)), f"{folds} folds, seed {seed}"))
    console.print(f"The simplest engine within the noise: {best}.", highlight=False)


def _shown(figures: "pl.DataFrame") -> "pl.DataFrame":
    """Means and gains with their intervals, in columns that fit 80 characters."""
    import polars as pl

    def between(*names: str) -> pl.Expr:
        return pl.format("{} [{}, {}]", *(pl.col(name).round(3).cast(pl.String) for name in names))

    return figures.select(
        "engine",
        "metric",
        "queries",
        between("mean", "low", "high").alias("mean"),
        between("gain", "gain_low", "gain_high").alias("over BM25"),
    )


def _command(settings: "Settings") -> str:
    """The command that gives the same report."""
    options = {"--source": settings.source, "--root": settings.root, "--preset": settings.preset}
    named = [f" {option} {value}" for option, value in options.items() if value]
    tuned = {" --finetune": settings.finetune, " --finetune-text": settings.finetune_text}
    return f"mmsearch bench quality{''.join([*named, *(option for option, on in tuned.items() if on)])}"
