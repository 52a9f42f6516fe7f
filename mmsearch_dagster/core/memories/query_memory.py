"""The query memory of a release: queries that came before, each with the products that people chose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.digest import sha256_bytes
from mmsearch_dagster.core.text.full_text import ENGLISH_STOP_WORDS
from mmsearch_dagster.core.text.preparation import clean, fold
from mmsearch_dagster.core.text.terms import split_words, stem

QUERY_MEMORY_FILE = "query_memory.npz"
_END = "\0"
# Key -> product -> votes.
Votes = Mapping[str, Mapping[str, float]]
# Without them `no show socks` would be `show socks`.
_UNIMPORTANT = ENGLISH_STOP_WORDS - {"no", "not"}


def query_key(text: str | None) -> str:
    """What nearly equal queries have in common: their stemmed words, in alphabetical order.

    >>> query_key("The red kites") == query_key("kite, red")
    True
    >>> query_key("kite without red") == query_key("red kite")
    False
    """
    words = (word for word in split_words(fold(clean(text or ""))) if word not in _UNIMPORTANT)
    return " ".join(sorted(stem(word) for word in words))


@dataclass(frozen=True)
class QueryMemory:
    """Past queries as keys to products.

    keys: `k` of `query_key`, ascending. ends: int64 [k], where the products of each key end. products: [n],
    key after key. votes: float32 [n], how sure each product is, above 0.
    """

    keys: tuple[str, ...]
    ends: NDArray[np.int64]
    products: tuple[str, ...]
    votes: NDArray[np.float32]

    @classmethod
    def of(cls, votes: Votes) -> "QueryMemory":
        """Every key that has a product with votes."""
        kept = {
            key: {product: value for product, value in of_key.items() if value > 0.0}
            for key, of_key in sorted(votes.items())
            if key
        }
        kept = {key: of_key for key, of_key in kept.items() if of_key}
        pairs = [pair for of_key in kept.values() for pair in sorted(of_key.items())]
        return cls(
            keys=tuple(kept),
            ends=np.cumsum([len(of_key) for of_key in kept.values()], dtype=np.int64),
            products=tuple(product for product, _ in pairs),
            votes=np.array([value for _, value in pairs], dtype=np.float32),
        )

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {key: row for row, key in enumerate(self.keys)}

    def votes_for(self, text: str | None) -> list[tuple[str, float]]:
        """The products that were chosen after queries nearly equal to `text` with their votes, most first."""
        row = self._row_of.get(query_key(text)) if text else None
        if row is None:
            return []
        begin = int(self.ends[row - 1]) if row else 0
        span = slice(begin, int(self.ends[row]))
        pairs = zip(self.products[span], self.votes[span].tolist(), strict=True)
        return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))

    def to_bytes(self) -> bytes:
        """The memory as an .npz file without pickle; equal memories give equal bytes."""
        out = BytesIO()
        np.savez(
            out,
            allow_pickle=False,
            keys=_packed(self.keys),
            ends=self.ends,
            products=_packed(self.products),
            votes=self.votes,
        )
        return out.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> "QueryMemory":
        """What `to_bytes` wrote.

        Raises:
            ValueError, KeyError, OSError: where it is not that.
        """
        with np.load(BytesIO(content), allow_pickle=False) as arrays:
            return cls(
                keys=_unpacked(arrays["keys"]),
                ends=arrays["ends"],
                products=_unpacked(arrays["products"]),
                votes=arrays["votes"],
            )

    def save(self, file: Path) -> str:
        """Write the memory; returns the sha256 of the file."""
        content = self.to_bytes()
        file.write_bytes(content)
        return sha256_bytes(content)


def _packed(texts: Sequence[str]) -> NDArray[np.uint8]:
    """Texts as bytes, each with its end: as an array of texts all would be as long as the longest."""
    return np.frombuffer("".join(text + _END for text in texts).encode(), dtype=np.uint8)


def _unpacked(content: NDArray[np.uint8]) -> tuple[str, ...]:
    return tuple(content.tobytes().decode().split(_END)[:-1])
