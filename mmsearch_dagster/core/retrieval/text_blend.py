"""Typed and spoken words of a query as its encoder reads them; spoken ones count by their confidence."""

from collections.abc import Mapping

from mmsearch_dagster.core.modalities import Matrix


def text_blend(text: str | None, typed: str | None, confidence: float) -> dict[str, float]:
    """The texts whose vectors stand for a query's words, with weights that sum to 1.

    text: all of the words, typed and spoken; typed: without the spoken ones. All of them count as much as the
    transcript is sure, the typed ones alone the rest. Words of one kind are read as they are.

    >>> text_blend("bag leather", "bag", 0.25)
    {'bag': 0.75, 'bag leather': 0.25}
    """
    if not text:
        return {}
    if not typed or typed == text:
        return {text: 1.0}
    return {part: weight for part, weight in ((typed, 1.0 - confidence), (text, confidence)) if weight}


def mean_vector(vectors: Mapping[str, Matrix], weights: Mapping[str, float]) -> Matrix:
    """The weighted mean of some vectors; a single vector is returned unchanged, to the last bit.

    Args:
        vectors: key -> vector [d].
        weights: key -> weight; they sum to 1.

    Returns:
        float32 [d].
    """
    weighted = [vectors[key] * weight for key, weight in weights.items()]
    return sum(weighted[1:], start=weighted[0])
