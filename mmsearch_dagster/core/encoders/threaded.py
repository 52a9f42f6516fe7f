"""Encodes contents that take long to decode (sounds, films) one by one, on threads."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mmsearch_dagster.core.encoders.protocol import Content, EncodedBatch
from mmsearch_dagster.core.errors import UserError
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.prefetch import ahead


def encode_threaded(
    contents: Sequence[Content],
    describe: Callable[[bytes], Matrix],
    *,
    width: int,
    threads: int,
    batch_size: int,
) -> Iterator[EncodedBatch]:
    """Encodes contents on several threads, in order of key.

    Args:
        contents: what to encode, in any order.
        describe: bytes of a content -> float32 [width]; a UserError it raises is that content's failure.
        width: length of a vector.
        threads: how many contents are encoded at the same time.
        batch_size: contents per batch that is yielded.

    Yields:
        Batches with vectors float32 [k, width] and the failures.
    """

    def vector_or_reason(content: Content) -> Matrix | str:
        try:
            return describe(content.read())
        except OSError as error:
            return f"cannot be read: {error}"
        except UserError as error:
            return str(error)

    ordered = sorted(contents, key=lambda content: content.key)
    done = ahead(vector_or_reason, ordered, threads=threads, depth=2 * threads)
    for start in range(0, len(ordered), batch_size):
        keys = [content.key for content in ordered[start : start + batch_size]]
        # The keys come first: zip must not take a result that belongs to the next batch.
        yield _collected(dict(zip(keys, done, strict=False)), width)


def _collected(results: dict[str, Matrix | str], width: int) -> EncodedBatch:
    vectors = {key: result for key, result in results.items() if not isinstance(result, str)}
    failures = {key: result for key, result in results.items() if isinstance(result, str)}
    matrix = np.array(list(vectors.values()), dtype=np.float32).reshape(-1, width)
    return EncodedBatch(tuple(vectors), matrix, failures)
