"""The text encoder beside sentence-transformers with the same weights."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmsearch_dagster.adapters.feature_store.feature_store import text_content
from mmsearch_dagster.adapters.models.load import load_encoder
from mmsearch_dagster.adapters.models.locate import locate
from mmsearch_dagster.core.encoders.protocol import Encoder, EncoderSpec
from mmsearch_dagster.core.encoders.torchvision_shim import import_torchvision
from mmsearch_dagster.core.modalities import Matrix
from tests.bench.ratio import Ratio, in_turns, speed

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

LEAST_COSINE = 0.999
_WARM_UP = 64


def measure(texts: Sequence[str], spec: EncoderSpec, cache: Path, *, rounds: int) -> list[Ratio]:
    """Our items/s over theirs. Raises AssertionError when the vectors are not the same."""
    ours, theirs = load_encoder(spec, cache), _sentence_transformer(spec)
    encode_texts(ours, texts[:_WARM_UP])
    _their_vectors(theirs, texts[:_WARM_UP])
    seconds = in_turns(
        {"ours": lambda: encode_texts(ours, texts), "theirs": lambda: _their_vectors(theirs, texts)}, rounds
    )
    cosine = least_cosine(encode_texts(ours, texts), _their_vectors(theirs, texts))
    assert cosine > LEAST_COSINE, f"not the same vectors: cosine {cosine:.5f}"
    what = "text encoder / sentence-transformers encode"
    note = f"{len(texts)} texts, least cosine {cosine:.5f}; 1.5 is the wish"
    return [speed(what, len(texts), seconds["ours"], seconds["theirs"], target=1.0, note=note)]


def encode_texts(encoder: Encoder, texts: Sequence[str]) -> Matrix:
    """Vectors [n, width] in the order of `texts`, hashing included as in a run."""
    contents = [text_content(text) for text in texts]
    found = {
        key: vector
        for batch in encoder.encode(contents)
        for key, vector in zip(batch.keys, batch.vectors, strict=True)
    }
    return np.stack([found[content.key] for content in contents])


def least_cosine(ours: Matrix, theirs: Matrix) -> float:
    """The smallest cosine between rows of the same number."""
    norms = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return float(((ours * theirs).sum(axis=1) / norms).min())


def _sentence_transformer(spec: EncoderSpec) -> "SentenceTransformer":
    import_torchvision()
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(locate(spec)), local_files_only=True)
    model.max_seq_length = spec.max_length
    return model


def _their_vectors(model: "SentenceTransformer", texts: Sequence[str]) -> Matrix:
    return model.encode(list(texts), show_progress_bar=False, convert_to_numpy=True)
