"""A few queries whose answers a reviewer looks at: where the candidate gains and loses most."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict

_MOST, _PRODUCTS = 8, 4


class SampleQuery(BaseModel):
    """A query and the first products of both engines. difference: candidate - champion; None without one."""

    model_config = ConfigDict(frozen=True)

    query_id: str
    text: str
    difference: float | None
    candidate: tuple[str, ...]
    champion: tuple[str, ...]


def sample_queries(
    candidate: Mapping[str, Sequence[str]],
    champion: Mapping[str, Sequence[str]] | None,
    differences: Mapping[str, float],
    texts: Mapping[str, str | None],
) -> list[SampleQuery]:
    """The largest losses first, then the largest gains; without a champion the first queries.

    Args:
        candidate: query id -> its products.
        champion: the same of the released engine; None where it cannot be run.
        differences: query id -> how much better the candidate is.
        texts: query id -> its words.
    """
    by_loss = sorted(candidate, key=lambda query: (differences.get(query, 0.0), query))
    half = _MOST // 2
    chosen = [*by_loss[:half], *reversed(by_loss[half:][-half:])]
    return [
        SampleQuery(
            query_id=query,
            text=texts.get(query) or "a photo",
            difference=round(differences[query], 4) if query in differences else None,
            candidate=tuple(candidate[query][:_PRODUCTS]),
            champion=tuple((champion or {}).get(query, ())[:_PRODUCTS]),
        )
        for query in chosen
    ]
