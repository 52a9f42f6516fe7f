"""What every ranker of a release can do: score rows, and be kept as named arrays without pickle."""

from collections.abc import Mapping
from typing import Any, Protocol, Self

from numpy.typing import NDArray

from mmsearch_dagster.core.ranking.cross_fit import CandidateRanker

Arrays = Mapping[str, NDArray[Any]]


class StoredRanker(CandidateRanker, Protocol):
    """A ranker that is kept as arrays."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Name -> array, for a safetensors file."""
        ...

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The inverse of `arrays`. Raises KeyError for a damaged file."""
        ...


def arrays_of_parts(**parts: StoredRanker) -> dict[str, NDArray[Any]]:
    """The arrays of several rankers in one mapping, as `part.name`."""
    return {
        f"{part}.{name}": array for part, ranker in parts.items() for name, array in ranker.arrays().items()
    }


def arrays_of_part(arrays: Arrays, part: str) -> dict[str, NDArray[Any]]:
    """Those of one ranker in `arrays_of_parts`, by its own names."""
    prefix = f"{part}."
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
