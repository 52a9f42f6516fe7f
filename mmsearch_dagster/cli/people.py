"""Answers for people: lists, likeness, explanations, campaigns, churn, reviews."""

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mmsearch_dagster.adapters.host.one_answer import one_answer
from mmsearch_dagster.cli.options import DEFAULT, AsJson, AsTyped, Home, Ignore, Weight, released_of
from mmsearch_dagster.core.errors import QueryError

if TYPE_CHECKING:
    from mmsearch_dagster.core.retrieval.query import Query
    from mmsearch_dagster.serving.lists import Suggestions
    from mmsearch_dagster.serving.recommender import Recommender

REVIEWS = "most_useful"
# Below a list whose scores do not fall from line to line.
NOT_BY_SCORE = (
    "The order is not that of the scores alone: products that resemble those above them stand lower, and the "
    "shop's rules move some (assets/policies/business.yaml)."
)
Results = Annotated[int, typer.Option("--k", help="How many.")]
Seen = Annotated[
    list[str] | None,
    typer.Option("--seen", help="A product that the person has just looked at; repeatable."),
]
Product = Annotated[str, typer.Argument(help="A product's id.")]
MaybeUser = Annotated[str | None, typer.Option("--user", help="Id of the person as the shop's log has it.")]


def hidden_id(home: Path, user: str) -> str:
    """The pseudonym of a raw id, as reading the shop's log gave it with this home's key.

    Ask only in a home with a release: elsewhere the key, and the home for it, would be made.
    """
    from mmsearch_dagster.adapters.host.secret_key import pseudonym_key
    from mmsearch_dagster.core.catalog.pseudonyms import pseudonym

    return pseudonym(user, pseudonym_key(home.resolve(), os.environ))


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    for command in (recommend, similar, explain, campaign, churn, reviews):
        app.command()(command)


@one_answer()
def recommend(
    user: MaybeUser = None,
    seen: Seen = None,
    k: Results = 10,
    as_json: AsJson = False,
    home: Home = DEFAULT,
) -> None:
    """Products for one person, for what somebody has just looked at, or both; popular ones for a stranger."""
    if user is None and not seen:
        raise QueryError("name a person with --user, products just looked at with --seen, or both")
    recommender = released_of(home).recommender()
    person = hidden_id(home, user) if user is not None else None
    show_list(recommender.recommend(person, session=seen or (), k=k), as_json)


@one_answer()
def similar(
    product: Product,
    k: Results = 10,
    as_json: AsJson = False,
    home: Home = DEFAULT,
) -> None:
    """Products like one of the catalogue."""
    show_list(released_of(home).recommender().similar(product, k=k), as_json)


@one_answer()
def explain(
    query_and_product: Annotated[
        list[str],
        typer.Argument(metavar="[QUERY] PRODUCT", help="The query's words, if any, and a product's id."),
    ],
    image: Annotated[Path | None, typer.Option("--image", help="The query's photo.")] = None,
    voice: Annotated[Path | None, typer.Option("--voice", help="The query's recording.")] = None,
    weight: Weight = None,
    user: MaybeUser = None,
    as_typed: AsTyped = False,
    ignore: Ignore = None,
    as_json: AsJson = False,
    home: Home = DEFAULT,
) -> None:
    """Why a product stands where it stands: retrievers, modalities, features of the ranker."""
    from mmsearch_dagster.cli.search import question

    text, product = _query_and_product(query_and_product)
    query = question(text, image, voice, weight or ())
    query = replace(query, as_typed=as_typed, ignore=tuple(ignore or ()))
    recommender = released_of(home).recommender()
    person = hidden_id(home, user) if user is not None else None
    explanation = recommender.explain(query, product, person)
    if not as_json:  # the parts as a table
        explanation["understood"] = (explanation["understood"] or {}).get("parts")
    _show_parts(explanation, as_json)


def _query_and_product(given: Sequence[str]) -> tuple[str | None, str]:
    if len(given) > 2:
        raise QueryError(
            f"give one QUERY, in quotes, and one PRODUCT, not {len(given)} arguments: {', '.join(given)}"
        )
    return (given[0] if len(given) == 2 else None), given[-1]


@one_answer()
def campaign(
    file: Annotated[Path, typer.Argument(help="YAML or JSON with `text` and/or `picture`.")],
    k: Results = 20,
    as_json: AsJson = False,
    home: Home = DEFAULT,
) -> None:
    """The people to show a campaign to, with their expected response.

    The file is described in docs/your-shop.md, and how to get from pseudonyms back to the shop's own ids.
    """
    from mmsearch_dagster.cli.campaign_file import read_campaign

    _show_parts(released_of(home).recommender().campaign(read_campaign(file), k=k), as_json)


@one_answer()
def churn(k: Results = 20, as_json: AsJson = False, home: Home = DEFAULT) -> None:
    """The people most likely to stay away."""
    rows = released_of(home).recommender().churn(k=k)
    _show_parts({"people": rows, "note": "" if rows else "nobody is known here: no log"}, as_json)


@one_answer()
def reviews(
    product: Product,
    k: Results = 5,
    as_json: AsJson = False,
    home: Home = DEFAULT,
) -> None:
    """A product's smoothed rating and its most useful reviews."""
    _show_parts(released_of(home).recommender().reviews(product, k=k), as_json)


def search(
    recommender: "Recommender",
    query: "Query",
    person: str,
    *,
    name: str,
    k: int,
    where: str | None,
    as_json: bool,
) -> None:
    """Answer one query for one person (a pseudonym). name: how a person gave the query."""
    from mmsearch_dagster.cli.display.progress import console
    from mmsearch_dagster.cli.search import as_dict, show

    answer, note = recommender.search(query, person, k=k, where=where)
    if as_json:
        print(json.dumps({**as_dict(answer), "order": note}, ensure_ascii=False, default=str))
        return
    show(answer, name)
    if answer.hits:
        console.print(note, highlight=False, markup=False)


def show_list(suggestions: "Suggestions", as_json: bool) -> None:
    """A list made for a person, with what has to be said about its order."""
    from mmsearch_dagster.cli.display import tables
    from mmsearch_dagster.cli.display.progress import console

    if as_json:
        print(json.dumps(_list_as_dict(suggestions), ensure_ascii=False, default=str))
        return
    console.print(tables.suggestions(suggestions.hits, f"{suggestions.order} · {suggestions.release_id}"))
    scores = [hit.score for hit in suggestions.hits]
    if scores != sorted(scores, reverse=True):
        console.print(NOT_BY_SCORE, highlight=False, markup=False)
    console.print(suggestions.note, highlight=False, markup=False)


def _list_as_dict(suggestions: "Suggestions") -> dict[str, Any]:
    from mmsearch_dagster.core.retrieval.variant_groups import variants_record

    hits = [
        {
            "rank": hit.rank,
            "product_id": hit.product_id,
            "score": hit.score,
            "rules": list(hit.rules),
            **variants_record(hit.variants, hit.payload),
            **hit.payload,
        }
        for hit in suggestions.hits
    ]
    return {
        "release_id": suggestions.release_id,
        "order": suggestions.order,
        "note": suggestions.note,
        "hits": hits,
    }


def _show_parts(parts: dict[str, Any], as_json: bool) -> None:
    """Lists of records as tables, the rest as lines."""
    from mmsearch_dagster.cli.display import tables
    from mmsearch_dagster.cli.display.progress import console

    if as_json:
        print(json.dumps(parts, ensure_ascii=False, default=str))
        return
    for name, value in parts.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            shown = tables.reviews if name == REVIEWS else tables.records
            console.print(shown(value, name))
        elif value not in (None, "", []):
            text = ", ".join(map(str, value)) if isinstance(value, list) else value
            if isinstance(value, dict):
                text = ", ".join(f"{key} {part}" for key, part in value.items())
            if isinstance(value, float):
                text = f"{value:.4f}"
            console.print(f"{name.replace('_', ' ')}: {text}", highlight=False, markup=False)
