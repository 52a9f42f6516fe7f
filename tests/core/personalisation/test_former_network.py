"""Releases of before the linear ranker keep a network: it is read, and answers as torch did."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import gelu, normalize

from mmsearch_dagster.core.errors import ReleaseMismatchError
from mmsearch_dagster.core.personalisation.former_network import FormerNetwork, FormerSpec
from mmsearch_dagster.core.personalisation.person_ranker import load_person_ranker
from mmsearch_dagster.core.personalisation.person_rows import PersonRows

WIDTH, RANK, HIDDEN = 6, 3, 4
SPEC = FormerSpec(
    features=("order before", "hour (sine)"), mean=(0.5, 0.0), spread=(2.0, 1.0), propensities=(1.0, 0.5)
)
ROWS = PersonRows(
    values=np.array([[1.0, 0.3], [np.nan, -0.3], [400.0, 0.0]]),
    people=np.array([[1, 2, 3, 0, 0, 1], [0, 0, 0, 0, 0, 0], [1, 0, -1, 2, 0, 0]], np.float32),
    items=np.random.default_rng(3).normal(size=(3, WIDTH)).astype(np.float32),
)


def stored(folder: Path) -> dict[str, Tensor]:
    """A ranker as releases up to 0.2.0 keep it."""
    shapes = {
        "person.weight": (RANK, WIDTH), "product.weight": (RANK, WIDTH), "together.weight": (HIDDEN, RANK),
        "wide.weight": (1, 2), "wide.bias": (1,), "inner.weight": (HIDDEN, 2 + HIDDEN),
        "inner.bias": (HIDDEN,), "outer.weight": (1, HIDDEN),
    }  # fmt: skip
    draw = torch.Generator().manual_seed(1)
    weights = {name: torch.randn(shape, generator=draw) for name, shape in shapes.items()}
    save_file(weights, folder / "ranker.safetensors")
    (folder / "ranker.json").write_text(SPEC.model_dump_json(), encoding="utf-8")
    return weights


def by_torch(weights: dict[str, Tensor]) -> Tensor:
    x = torch.tensor([[0.25, 0.3], [0.0, -0.3], [5.0, 0.0]])  # scaled, within 5; unknown is the mean
    p, q = (normalize(torch.from_numpy(side), dim=-1) * WIDTH**0.5 for side in (ROWS.people, ROWS.items))
    pooled = ((p @ weights["person.weight"].T) * (q @ weights["product.weight"].T)) @ weights[
        "together.weight"
    ].T
    inner = torch.cat([x, pooled], dim=-1) @ weights["inner.weight"].T + weights["inner.bias"]
    wide = x @ weights["wide.weight"].T + weights["wide.bias"]
    return (wide + gelu(inner) @ weights["outer.weight"].T).squeeze(-1)


def test_a_stored_network_answers_as_torch_did(tmp_path: Path) -> None:
    weights = stored(tmp_path)

    ranker = load_person_ranker(tmp_path)

    assert isinstance(ranker, FormerNetwork)
    assert (ranker.spec.features, ranker.spec.propensities) == (SPEC.features, (1.0, 0.5))
    scores = ranker.scores(ROWS)
    assert scores == pytest.approx(by_torch(weights).numpy(), abs=1e-5)
    assert ranker.chances(scores) == pytest.approx(1.0 / (1.0 + np.exp(-scores)))


def test_what_it_adds_to_a_score_is_named_and_adds_up(tmp_path: Path) -> None:
    stored(tmp_path)
    ranker = load_person_ranker(tmp_path)
    first = PersonRows(ROWS.values[:1], ROWS.people[:1], ROWS.items[:1])

    parts = ranker.contributions(first)

    assert [name for name, _ in parts[2:]] == ["network (person x product)", "constant"]
    assert {name for name, _ in parts[:2]} == set(SPEC.features)
    assert sum(part for _, part in parts) == pytest.approx(ranker.scores(first)[0])


def test_weights_of_other_features_are_refused(tmp_path: Path) -> None:
    stored(tmp_path)
    fewer = SPEC.model_copy(update={"features": ("order before",)})
    (tmp_path / "ranker.json").write_text(fewer.model_dump_json(), encoding="utf-8")

    with pytest.raises(ReleaseMismatchError, match="weights of 2 features, not 1"):
        load_person_ranker(tmp_path)
