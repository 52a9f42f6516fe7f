"""What a shop has given, what it has not, and what each missing part would bring: the page after a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from mmsearch_dagster.core.catalog import columns as col

# Fewer judged queries than this leave the gate's interval wide; fewer events are no behaviour.
ENOUGH_QUERIES, ENOUGH_EVENTS = 50, 1_000
_ALL = 0.95
# Column of a product -> what people call it, and what it is for.
_FACTS = {
    col.TITLE: ("a title", "words find it"),
    col.DESCRIPTION: ("a description", "more words find it"),
    col.IMAGE_URIS: ("a picture", "photos find it, and words find what only the picture shows"),
    col.CATEGORY: ("a category", "filters by category"),
    col.PRICE: ("a price", "`under 50` and filters by price"),
    col.BRAND: ("a brand", "filters and searches by brand"),
    col.ATTRIBUTES: ("attributes", "colour, size and the like as filters"),
    col.IN_STOCK: ("a stock", "what cannot be sold stands last"),
}


@dataclass(frozen=True)
class ShopTables:
    """How much of everything the last run has kept.

    filled: column of products -> share of products that have it, 0 to 1. parents: products that are sold in
    several variants. tables: contract table -> rows; judgments are counted by query.
    """

    products: int
    parents: int
    filled: Mapping[str, float]
    tables: Mapping[str, int]

    @classmethod
    def of(cls, products: pl.DataFrame, tables: Mapping[str, int]) -> "ShopTables":
        """From the catalogue and the numbers of rows of the other tables."""
        filled = {name: 1 - products[name].null_count() / max(products.height, 1) for name in _FACTS}
        groups = (
            products[col.PARENT_ID].drop_nulls().value_counts() if col.PARENT_ID in products.columns else None
        )
        parents = 0 if groups is None else groups.filter(pl.col("count") > 1).height
        return cls(products.height, parents, filled, dict(tables))


@dataclass(frozen=True)
class NextStep:
    """missing: what is not there. brings: what it would be good for. command: what to do."""

    missing: str
    brings: str
    command: str


def understood(shop: ShopTables) -> list[str]:
    """What was understood of the shop, in sentences."""
    variants = f"; {shop.parents:,} are sold in several variants" if shop.parents else ""
    lines = [f"{shop.products:,} rows of products{variants}"]
    lines += [
        f"{share:.0%} have {_FACTS[name][0]}: {_FACTS[name][1]}"
        for name, share in shop.filled.items()
        if share
    ]
    return [*lines, *(f"{count:,} {table}" for table, count in shop.tables.items() if count)]


def next_steps(shop: ShopTables, home: str, source: str) -> list[NextStep]:
    """What is missing, the part that brings most first.

    Args:
        shop: what is there.
        home: of the run, for the commands.
        source: the mapping, for the commands.
    """
    again = f"mmsearch run --source {source} --home {home}"
    steps = []
    if shop.tables.get("judgments", 0) < ENOUGH_QUERIES:
        steps.append(
            NextStep(
                f"judged queries: {shop.tables.get('judgments', 0)}, at least {ENOUGH_QUERIES} are of use",
                "the learned order of results is trained, and the gate decides on what your customers search "
                "instead of on queries made from the catalogue",
                f"mmsearch label --page --home {home}",
            )
        )
    if shop.tables.get("events", 0) < ENOUGH_EVENTS:
        steps.append(
            NextStep(
                f"a log of searches, clicks or orders: {shop.tables.get('events', 0):,} events",
                "lists for a person, what is bought together, popular products, training on real searches",
                f"mmsearch connect PRODUCTS ORDERS --out {source} --force",
            )
        )
    if shop.filled[col.IMAGE_URIS] < _ALL:
        steps.append(
            NextStep(
                f"pictures of {1 - shop.filled[col.IMAGE_URIS]:.0%} of the products",
                "a photo finds them, and words find what no text says",
                "map image_uris in the source file (docs/your-shop.md), then: " + again,
            )
        )
    return [*steps, *_columns(shop, again), *_reviews(shop, again)]


def _columns(shop: ShopTables, again: str) -> list[NextStep]:
    names = [name for name in _FACTS if name != col.IMAGE_URIS and shop.filled[name] == 0.0]
    return [
        NextStep(
            f"{_FACTS[name][0]} of every product",
            _FACTS[name][1],
            f"map {name} in the source file (docs/your-shop.md), then: {again}",
        )
        for name in names
    ]


def _reviews(shop: ShopTables, again: str) -> list[NextStep]:
    if shop.tables.get("reviews"):
        return []
    return [NextStep("reviews", "ratings, and what customers praise", f"map a table reviews, then: {again}")]


def as_markdown(shop: ShopTables, steps: Sequence[NextStep], counts: Sequence[str], home: str) -> str:
    """The page.

    Args:
        shop: what is there.
        steps: what is missing.
        counts: what became of the rows of each table, in sentences.
        home: of the run.
    """
    lines = ["# Next steps", "", "## What was understood", "", *_listed(understood(shop))]
    lines += ["", "## What became of the rows", "", *_listed([line.strip() for line in counts])]
    lines += ["", "## What is missing, and what it would bring", ""]
    lines += ["| missing | brings | do |", "|---|---|---|"] if steps else ["Nothing that we know of."]
    lines += [f"| {step.missing} | {step.brings} | `{step.command}` |" for step in steps]
    lines += ["", "## Look at it", "", "```sh", *_commands(steps, home), "```", ""]
    return "\n".join(lines)


def _commands(steps: Sequence[NextStep], home: str) -> list[str]:
    """Three: the page, what was set aside, and the first step."""
    first = [step.command for step in steps if step.command.startswith("mmsearch")]
    return [
        f"mmsearch up --home {home}",
        f"mmsearch quarantine products --home {home}",
        *(first[:1] or [f"mmsearch releases --home {home}"]),
    ]


def _listed(sentences: Sequence[str]) -> list[str]:
    return [f"- {sentence}" for sentence in sentences]
