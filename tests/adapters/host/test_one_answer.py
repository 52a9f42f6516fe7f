"""A command that answers once: it goes without pandas, and everything else is as ever."""

import gc
import subprocess
import sys

import pytest

from mmsearch_dagster.adapters.host.one_answer import one_answer


@pytest.mark.slow
def test_pyarrow_finds_no_pandas_until_somebody_makes_a_table_of_pandas() -> None:
    program = (
        "import sys\nfrom mmsearch_dagster.adapters.host.one_answer import one_answer\n"
        "with one_answer():\n    import polars, pyarrow.dataset\n"
        "print(sys.modules.get('pandas'), pyarrow.table({'a': [1]}).to_pylist())\n"
        "print(pyarrow.table({'a': [1]}).to_pandas().a.sum())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["None [{'a': 1}]", "1"]


def test_garbage_is_collected_again_afterwards_even_after_an_error() -> None:
    finders = list(sys.meta_path)

    with pytest.raises(ValueError, match="no answer"), one_answer():
        int("no answer")

    assert gc.isenabled()
    assert sys.meta_path == finders
