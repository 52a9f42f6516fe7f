"""Answers for people: lists, likeness, explanations, campaigns, churn, reviews."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import polars as pl
import typer

from mmsearch_dagster.adapters.answers import Query
from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.nearest import did_you_mean
from mmsearch_dagster.settings import DEFAULT_HOME, HOME_VARIABLE
from mmsearch_dagster.terminal import tables
from mmsearch_dagster.terminal.display import console

if TYPE_CHECKING:
    from mmsearch_dagster.adapters.recommender import Recommender, Suggestions
    from mmsearch_dagster.adapters.released import Released

Home = Annotated[
    Path, typer.Option("--home", envvar=HOME_VARIABLE, help="Folder that holds everything a run writes.")
]
Results = Annotated[int, typer.Option("--k", help="How many.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
User = Annotated[str, typer.Option("--user", help="Id of the person as the shop's log has it.")]
MaybeUser = Annotated[str | None, typer.Option("--user", help="Id of the person as the shop's log has it.")]
_DEFAULT = Path(DEFAULT_HOME)
_CAMPAIGN_KEYS = ("text", "picture")
_LARGEST_CAMPAIGN = 1_000_000


def hidden_id(home: Path, user: str) -> str:
    """The pseudonym of a raw id, as reading the shop's log gave it with this home's key."""
    from mmsearch_dagster.adapters.secret_key import pseudonym_key
    from mmsearch_dagster.core.privacy import pseudonym

    return pseudonym(user, pseudonym_key(home.resolve(), os.environ))


def register(app: typer.Typer, opened: "Callable[[Path], Released]") -> None:
    """Add the commands to `app`. opened: home -> its released engine."""

    @app.command()
    def recommend(user: User, k: Results = 10, as_json: AsJson = False, home: Home = _DEFAULT) -> None:
        """Products for one person; popular ones for somebody unknown."""
        _show_list(opened(home).recommender().recommend(hidden_id(home, user), k=k), as_json)

    @app.command()
    def similar(
        product: Annotated[str, typer.Argument(help="A product's id.")],
        k: Results = 10,
        as_json: AsJson = False,
        home: Home = _DEFAULT,
    ) -> None:
        """Products like one of the catalogue."""
        _show_list(opened(home).recommender().similar(product, k=k), as_json)

    @app.command()
    def explain(
        query: Annotated[str, typer.Argument(help="The query's words.")],
        product: Annotated[str, typer.Argument(help="A product's id.")],
        user: MaybeUser = None,
        as_json: AsJson = False,
        home: Home = _DEFAULT,
    ) -> None:
        """Why a product stands where it stands: branches, modalities, features of the ranker."""
        person = hidden_id(home, user) if user is not None else None
        _show_parts(opened(home).recommender().explain(Query(text=query), product, person), as_json)

    @app.command()
    def campaign(
        file: Annotated[Path, typer.Argument(help="YAML or JSON with `text` and/or `picture`.")],
        k: Results = 20,
        as_json: AsJson = False,
        home: Home = _DEFAULT,
    ) -> None:
        """The people to show a campaign to, with their expected response."""
        _show_parts(opened(home).recommender().campaign(read_campaign(file), k=k), as_json)

    @app.command()
    def churn(k: Results = 20, as_json: AsJson = False, home: Home = _DEFAULT) -> None:
        """The people most likely to stay away."""
        rows = opened(home).recommender().churn(k=k)
        _show_parts({"people": rows, "note": "" if rows else "nobody is known here: no log"}, as_json)

    @app.command()
    def reviews(
        product: Annotated[str, typer.Argument(help="A product's id.")],
        k: Results = 5,
        as_json: AsJson = False,
        home: Home = _DEFAULT,
    ) -> None:
        """A product's smoothed rating and its most useful reviews."""
        _show_parts(opened(home).recommender().reviews(product, k=k), as_json)


def search(
    recommender: "Recommender", query: Query, person: str, *, k: int, where: str | None, as_json: bool
) -> None:
    """Answer one query for one person (a pseudonym)."""
    from mmsearch_dagster.terminal.searching import as_dict

    found, note = recommender.search(query, person, k=k, where=where)
    if as_json:
        print(json.dumps({**as_dict(found), "order": note}, ensure_ascii=False, default=str))
        return
    console.print(tables.answer(found, f"{query.text or 'picture'} · {found.kind} · {found.release_id}"))
    console.print(note, highlight=False, markup=False)


def read_campaign(file: Path) -> Query:
    """The query that a campaign's file describes; a picture's path is relative to the file.

    Raises QueryError for a file that cannot be read, unknown keys (with the nearest known one) and an empty
    campaign.
    """
    import yaml

    try:
        if file.stat().st_size > _LARGEST_CAMPAIGN:
            raise QueryError(f"campaign {file} is larger than 1 MB: it holds words and the path of a picture")
        fields: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise QueryError(f"campaign {file} cannot be read: {error.strerror}") from error
    except (ValueError, yaml.YAMLError) as error:
        raise QueryError(
            f"campaign {file} is neither YAML nor JSON: {' '.join(str(error).split())}"
        ) from error
    if not isinstance(fields, dict) or not fields:
        raise QueryError(f"campaign {file} needs `text` and/or `picture`")
    for key in fields:
        if key not in _CAMPAIGN_KEYS:
            raise QueryError(
                f"campaign {file}: unknown key '{key}', {did_you_mean(str(key), _CAMPAIGN_KEYS)}"
            )
    text, picture = fields.get("text"), fields.get("picture")
    if not all(one is None or isinstance(one, str) for one in (text, picture)):
        raise QueryError(f"campaign {file}: `text` and `picture` are texts")
    try:
        image = (file.parent / picture).read_bytes() if picture else None
    except (OSError, ValueError) as error:
        raise QueryError(f"campaign {file}: its picture {picture} cannot be read: {error}") from error
    return Query(text=text, image=image)


def _show_list(found: "Suggestions", as_json: bool) -> None:
    rows = [
        {
            "rank": hit.rank,
            "product_id": hit.product_id,
            "score": hit.score,
            "rules": list(hit.rules),
            **hit.payload,
        }
        for hit in found.hits
    ]
    if as_json:
        told = {"release_id": found.release_id, "order": found.order, "note": found.note, "hits": rows}
        print(json.dumps(told, ensure_ascii=False, default=str))
        return
    frame = pl.DataFrame(
        [
            {
                "rank": row["rank"],
                "product": row["product_id"],
                "title": row.get("title"),
                "score": row["score"],
                "rules": ", ".join(row["rules"]),
            }
            for row in rows
        ],
        schema={
            "rank": pl.Int64,
            "product": pl.String,
            "title": pl.String,
            "score": pl.Float64,
            "rules": pl.String,
        },
    )
    console.print(tables.frame_table(frame, f"{found.order} · {found.release_id}"))
    console.print(found.note, highlight=False, markup=False)


def _show_parts(found: dict[str, Any], as_json: bool) -> None:
    """Lists of records as tables, the rest as lines."""
    if as_json:
        print(json.dumps(found, ensure_ascii=False, default=str))
        return
    for name, value in found.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            rows = [
                {key: str(one) if isinstance(one, list | dict) else one for key, one in row.items()}
                for row in value
            ]
            console.print(tables.frame_table(pl.DataFrame(rows, infer_schema_length=None), name))
        elif value not in (None, "", []):
            told = ", ".join(map(str, value)) if isinstance(value, list) else value
            console.print(f"{name}: {told}", highlight=False, markup=False)
