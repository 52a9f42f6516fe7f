"""What a command that answers one query and ends does without, because it costs more than it brings."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_answer() -> Iterator[None]:
    """Around such a command, before it imports numpy, pyarrow or LanceDB.

    Threads for products of matrices: for one query starting them takes longer. Garbage collection: imports
    make nothing worth collecting, and looking for it is a tenth of the CPU. pandas: pyarrow would import it.
    """
    from mmsearch_dagster.adapters.index.library import without_pandas

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.disable()
    try:
        with without_pandas():
            yield
    finally:
        gc.enable()
