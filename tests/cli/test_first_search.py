"""A first search pays for ONNX Runtime, numpy and LanceDB only."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.homes import Place

pytestmark = pytest.mark.slow
# Each costs a tenth of a second or more, most a second, and a query needs none of them.
HEAVY = {
    *("torch", "transformers", "timm", "torchvision"),
    *("mlflow", "matplotlib", "great_expectations", "dagster"),
    *("pandas", "polars", "lance_namespace_urllib3_client"),
}
_RUN = (
    "import sys; sys.argv = ['mmsearch', *sys.argv[1:]]\n"
    "opened = []\n"
    "sys.addaudithook(lambda event, args: event == 'open' and opened.append(str(args[0])))\n"
    "from mmsearch_dagster.cli.main import main\n"
    "try:\n    main()\n"
    "finally:\n    print('MODULES', *sys.modules, 'FILES', *opened, sep='\\n', file=sys.stderr)\n"
)


def run(*arguments: str) -> tuple[str, set[str], list[Path]]:
    """What a command prints, the top-level names that it imported, and the files that Python opened."""
    ended = subprocess.run(
        [sys.executable, "-c", _RUN, *arguments], capture_output=True, text=True, check=True
    )
    modules, _, files = ended.stderr.rpartition("MODULES\n")[2].partition("\nFILES\n")
    names = {name.partition(".")[0] for name in modules.splitlines()}
    return ended.stdout, names, [Path(file) for file in files.splitlines()]


def modules_after(*arguments: str) -> tuple[str, set[str]]:
    """What a command prints, and the top-level names that it imported."""
    return run(*arguments)[:2]


def test_words_are_answered_without_a_heavy_import(tiny: Place) -> None:
    answer, modules = modules_after("search", "red mug", "--home", str(tiny.home))

    assert "mug" in answer.lower()
    assert not modules & HEAVY


def test_the_weights_of_encoders_are_not_read_again_to_name_them(tiny: Place) -> None:
    search = ("search", "red mug", "--home", str(tiny.home))
    run(*search)

    _, _, files = run(*search)

    read = [file for file in files if file.suffix in (".safetensors", ".pth", ".bin", ".json")]
    assert not [file for file in read if tiny.home not in file.parents and file.stat().st_size > 1_000_000]


def test_a_photo_is_answered_without_a_heavy_import(tiny: Place) -> None:
    assert tiny.source is not None
    photo = next(path for path in sorted(tiny.source.parent.rglob("*")) if path.suffix in (".png", ".jpg"))

    answer, modules = modules_after("search", "--image", str(photo), "--home", str(tiny.home), "--json")

    assert '"hits"' in answer
    assert not modules & HEAVY


@pytest.mark.parametrize("command", [("explain", "red mug"), ("similar",), ("reviews",)])
def test_what_is_said_of_a_product_needs_no_registry_and_no_network(
    tiny: Place, command: tuple[str, ...]
) -> None:
    answer, _ = modules_after("search", "red mug", "--home", str(tiny.home), "--json")
    product = json.loads(answer)["hits"][0]["product_id"]

    _, modules = modules_after(*command, product, "--home", str(tiny.home))

    assert not modules & (HEAVY - {"polars"})


def test_help_needs_no_table_and_no_index() -> None:
    answer, modules = modules_after("--help")

    assert "search" in answer
    assert not modules & (HEAVY | {"numpy", "polars", "lancedb", "onnxruntime", "pyarrow"})
