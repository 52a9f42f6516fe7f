"""A first search pays for ONNX Runtime, numpy and LanceDB only."""

import subprocess
import sys

import pytest

from tests.homes import Place

pytestmark = pytest.mark.slow
# Each costs a second or more, and a query needs none of them.
HEAVY = {
    *("torch", "transformers", "timm", "torchvision"),
    *("mlflow", "matplotlib", "great_expectations", "dagster"),
}
_RUN = (
    "import sys; sys.argv = ['mmsearch', *sys.argv[1:]]\n"
    "from mmsearch_dagster.cli.main import main\n"
    "try:\n    main()\n"
    "finally:\n    print('MODULES', *sys.modules, file=sys.stderr)\n"
)


def modules_after(*arguments: str) -> tuple[str, set[str]]:
    """What a command prints, and the top-level names that it imported."""
    ended = subprocess.run(
        [sys.executable, "-c", _RUN, *arguments], capture_output=True, text=True, check=True
    )
    names = ended.stderr.rpartition("MODULES")[2].split()
    return ended.stdout, {name.partition(".")[0] for name in names}


def test_words_are_answered_without_a_heavy_import(tiny: Place) -> None:
    answer, modules = modules_after("search", "red mug", "--home", str(tiny.home))

    assert "mug" in answer.lower()
    assert not modules & HEAVY


def test_a_photo_is_answered_without_a_heavy_import(tiny: Place) -> None:
    assert tiny.source is not None
    photo = next(path for path in sorted(tiny.source.parent.rglob("*")) if path.suffix in (".png", ".jpg"))

    answer, modules = modules_after("search", "--image", str(photo), "--home", str(tiny.home), "--json")

    assert '"hits"' in answer
    assert not modules & HEAVY


def test_help_needs_no_table_and_no_index() -> None:
    answer, modules = modules_after("--help")

    assert "search" in answer
    assert not modules & (HEAVY | {"numpy", "polars", "lancedb", "onnxruntime", "pyarrow"})
