"""The id of a release follows from everything that changes an answer, and from nothing else."""

from typing import Any

import pytest
from pydantic import ValidationError

from mmsearch_dagster.core.release import (
    EncoderIdentity,
    IndexPin,
    RankerPin,
    ReleaseManifest,
    RetrievalParams,
    release_id_of,
)

TEXT = EncoderIdentity(modality="text", fingerprint="f1", width=3, spec={"name": "字"})
IMAGE = EncoderIdentity(modality="image", fingerprint="f2", width=4, spec={"size": 224, "crop": 0.9})
PARTS: dict[str, Any] = {
    "catalogue": "shop",
    "weights_sha256": "w",
    "encoders": (TEXT, IMAGE),
    "products_snapshot": "p",
    "retrieval": RetrievalParams(weights={"words": {"lexical": 0.5}}),
}


def test_the_id_is_the_same_whatever_the_order_of_the_encoders() -> None:
    first = release_id_of(**PARTS)
    assert first == release_id_of(**{**PARTS, "encoders": (IMAGE, TEXT)})
    assert first.startswith("r-")
    assert len(first) == 12


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("catalogue", "other"),
        ("ranker", RankerPin(sha256="s", promoted=True, lists="taste", people=1)),
        ("weights_sha256", "x"),
        ("encoders", (TEXT,)),
        ("products_snapshot", "q"),
        ("retrieval", RetrievalParams(weights={"words": {"lexical": 0.25}})),
        ("retrieval", RetrievalParams(weights={"words": {"lexical": 0.5}}, depth=9)),
    ],
)
def test_another_part_is_another_release(part: str, other: object) -> None:
    assert release_id_of(**PARTS) != release_id_of(**{**PARTS, part: other})


def test_a_manifest_survives_json_and_cannot_be_changed() -> None:
    pin = IndexPin(table="t", tag="g", version=1, rows=2, vector_index="flat", measured_recall=1.0)
    manifest = ReleaseManifest(
        release_id="r-1",
        catalogue="shop",
        model_version=1,
        strategy="concat",
        weights_sha256="w",
        encoders=(TEXT, IMAGE),
        retrieval=PARTS["retrieval"],
        snapshots={"products": "p"},
        index=pin,
    )
    assert ReleaseManifest.model_validate_json(manifest.model_dump_json()) == manifest
    with pytest.raises(ValidationError):
        manifest.catalogue = "other"  # type: ignore[misc]


def test_a_manifest_of_before_there_was_a_ranker_still_loads() -> None:
    manifest = ReleaseManifest.model_validate(
        {
            **{"release_id": "r-1", "catalogue": "shop", "model_version": 1, "strategy": "concat"},
            **{"weights_sha256": "w", "encoders": [], "retrieval": {}, "snapshots": {}},
        }
    )
    assert manifest.ranker is None
