"""The encoders of a registered model, loaded once per process."""

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from mmsearch_dagster.core.encoders.protocol import Content, Encoder
from mmsearch_dagster.core.errors import OtherEncoderError, QueryError
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.release import EncoderIdentity

_LOADED: dict[tuple[str, Path], Encoder] = {}


def loaded_encoder(identity: EncoderIdentity, cache_dir: Path | None, beside: Path | None = None) -> Encoder:
    """The encoder of that identity; what it compiles is kept in `cache_dir`, or among temporary files.

    beside: a folder that may hold the encoder's own, as a registered model's files do.
    Raises OtherEncoderError when what is installed here is not the encoder of the release.
    """
    cache = cache_dir or Path(tempfile.gettempdir()) / "mmsearch-encoders"
    key = (identity.fingerprint, cache.resolve())  # homes may share one folder by links
    if key not in _LOADED:
        from mmsearch_dagster.adapters.models.load import load_encoder, spec_of

        encoder = load_encoder(spec_of(identity, cache, *([beside] if beside else [])), cache)
        fingerprint = encoder.identity.fingerprint
        if fingerprint != identity.fingerprint:
            raise OtherEncoderError(
                f"the {identity.modality} encoder here is {fingerprint}, the release was made with "
                f"{identity.fingerprint}: install the version of the model's requirements"
            )
        _LOADED[key] = encoder
    return _LOADED[key]


def encode_contents(encoder: Encoder, contents: Mapping[str, bytes]) -> dict[str, Matrix]:
    """Encodes contents of one modality.

    Args:
        encoder: a loaded encoder.
        contents: key -> bytes.

    Returns:
        Key -> vector [width].

    Raises:
        QueryError: a content cannot be encoded.
    """
    prepared = [Content(key, partial(bytes, content)) for key, content in contents.items()]
    vectors: dict[str, Matrix] = {}
    for batch in encoder.encode(prepared):
        for reason in batch.failures.values():
            raise QueryError(f"the {encoder.identity.modality} cannot be read: {reason}")
        vectors.update(zip(batch.keys, batch.vectors, strict=True))
    return vectors


def lazy_encode(
    identity: EncoderIdentity, cache_dir: Path | None, beside: Path | None = None
) -> Callable[[Mapping[str, bytes]], Mapping[str, Matrix]]:
    """`encode_contents` of an encoder that is loaded on the first call.

    Args:
        identity: the encoder of the release.
        cache_dir: where compiled graphs are kept.
        beside: a folder that may hold the encoder's files.

    Returns:
        A function: key -> bytes, to key -> vector [width].
    """
    return lambda contents: encode_contents(loaded_encoder(identity, cache_dir, beside), contents)
