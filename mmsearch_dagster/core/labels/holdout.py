"""Which part of the training a query that nobody judged belongs to, decided by its content alone.

A hash decides, so no product has an influence on the queries of another one.
"""

from collections.abc import Iterable
from typing import Literal, TypeVar

from mmsearch_dagster.core.digest import sha256_text

Part = Literal["train", "dev", "validation"]
PARTS: tuple[Part, ...] = ("train", "dev", "validation")

Named = TypeVar("Named")

VALIDATION_SHARE = 0.25
DEV_SHARE = 0.1


def part_of(content: str) -> Part:
    """validation (25 %), dev (10 %) or train (65 %) by the sha256 of `content`."""
    share = hash_share(f"part:{content}")
    if share < VALIDATION_SHARE:
        return "validation"
    return "dev" if share < VALIDATION_SHARE + DEV_SHARE else "train"


def product_part(product_id: str, title: str | None) -> Part:
    """The part of everything that is made from one product.

    Products with the same title are sold under the same words: they are in one part, by their title.
    """
    words = " ".join((title or "").lower().split())
    return part_of(f"title:{words}" if words else f"product:{product_id}")


def query_seed(query_id: str) -> int:
    """A seed for the random choices of one query: other queries have no influence."""
    return int(sha256_text(query_id)[:8], 16)


def hash_share(content: str) -> float:
    """A number in [0, 1) that looks random and is always the same for the same content."""
    return int(sha256_text(content)[:8], 16) / 2**32


def first_by_hash(names: Iterable[str], limit: int) -> list[str]:
    """At most `limit` different names in an order that looks random: without one of them, the others keep
    theirs."""
    return sorted(set(names), key=hash_share)[:limit]
