"""A pair of query and product, and what a person thinks of it."""

from dataclasses import dataclass

# 0 does not fit, 3 fits fully.
HIGHEST_GRADE = 3


@dataclass(frozen=True)
class PairToLabel:
    """What a person sees. grade: 0 to HIGHEST_GRADE, None before it is given."""

    query_id: str
    query_text: str
    product_id: str
    title: str | None
    grade: int | None
