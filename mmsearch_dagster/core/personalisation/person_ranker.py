"""The ranking stage for a known person: linear over the order for everybody and the person's columns."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from mmsearch_dagster.core.errors import damaged_release
from mmsearch_dagster.core.personalisation.former_network import FormerNetwork, FormerSpec
from mmsearch_dagster.core.personalisation.person_rows import (
    PersonColumns,
    PersonRanker,
    PersonRows,
    Values,
    sigmoid,
)
from mmsearch_dagster.core.ranking.rankers.linear import LinearRanker, standardised

WEIGHTS_FILE = "ranker.safetensors"
SPEC_FILE = "ranker.json"


class PersonSpec(PersonColumns):
    """click: slope and intercept of a click's log odds, once looked at, over the score."""

    strategy: Literal["linear"] = "linear"
    click: tuple[float, float]


@dataclass(frozen=True)
class LinearPersonRanker:
    """The linear ranker of `core.ranking` over these columns; a missing value counts as the mean."""

    linear: LinearRanker
    spec: PersonSpec

    def scores(self, rows: PersonRows) -> Values:
        """Scores of the pairs, [n]."""
        return self.linear.predict(rows.values.astype(np.float32))

    def chances(self, scores: Values) -> Values:
        """The chance of a click, once looked at, by the score, [n]."""
        slope, intercept = self.spec.click
        return sigmoid(slope * scores + intercept)

    def contributions(self, rows: PersonRows) -> list[tuple[str, float]]:
        """Of one pair: what each feature adds to its score; together they are the score."""
        values = standardised(rows.values.astype(np.float32), self.linear.mean, self.linear.scale)[0]
        parts = zip(self.spec.features, (values * self.linear.weights).tolist(), strict=True)
        return sorted(parts, key=lambda part: -abs(part[1]))

    def save(self, folder: Path) -> str:
        """Write weights (safetensors) and spec (JSON) into `folder`; returns their sha256."""
        from safetensors.numpy import save_file

        folder.mkdir(parents=True, exist_ok=True)
        save_file(self.linear.arrays(), folder / WEIGHTS_FILE)
        (folder / SPEC_FILE).write_text(self.spec.model_dump_json(indent=2), encoding="utf-8")
        return ranker_sha256(folder)


def ranker_sha256(folder: Path) -> str:
    """Hex sha256 over weights and spec, both of which decide a score."""
    hasher = hashlib.sha256((folder / SPEC_FILE).read_bytes())
    hasher.update((folder / WEIGHTS_FILE).read_bytes())
    return hasher.hexdigest()


def load_person_ranker(folder: Path) -> PersonRanker:
    """The ranker in `folder`; in a release of before it was linear, its network.

    Raises:
        ReleaseMismatchError: for files that are missing or do not fit.
    """
    import json

    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        content, arrays = (folder / SPEC_FILE).read_bytes(), load_file(folder / WEIGHTS_FILE)
        if "strategy" not in json.loads(content):
            return FormerNetwork.of(FormerSpec.model_validate_json(content), arrays)
        return LinearPersonRanker(LinearRanker.from_arrays(arrays), PersonSpec.model_validate_json(content))
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise damaged_release(f"the ranker in {folder} cannot be loaded: {error}") from error
