"""A stored graph: its weights lie beside it, and it computes what the whole one did."""

from pathlib import Path

import numpy as np
import pytest

from mmsearch_dagster.adapters.models.graph_file import (
    has_weights_beside,
    move_graph,
    open_graph,
    part_folder,
    separate_weights,
)

WIDTH = 64


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """A graph that multiplies with a constant, stored in one file."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = np.random.default_rng(7).standard_normal((WIDTH, WIDTH)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "weights"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", WIDTH])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", WIDTH])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = tmp_path / "graph.onnx"
    onnx.save(model, path)
    return path


def product(path: Path) -> bytes:
    x = np.random.default_rng(3).standard_normal((5, WIDTH)).astype(np.float32)
    return np.asarray(open_graph(path).run(None, {"x": x})[0]).tobytes()


def test_weights_beside_a_graph_give_the_same_numbers(whole: Path) -> None:
    separate = whole.with_name("separate.onnx")

    separate_weights(whole, separate)

    assert has_weights_beside(separate)
    assert separate.stat().st_size < WIDTH * WIDTH < separate.with_suffix(".weights").stat().st_size
    assert product(separate) == product(whole)


def test_a_graph_takes_its_weights_along(whole: Path) -> None:
    expected = product(whole)
    with part_folder(whole) as part:
        separate_weights(whole, part / whole.name)
        move_graph(part / whole.name, whole)

    assert product(whole) == expected
    assert sorted(file.name for file in whole.parent.iterdir()) == ["graph.onnx", "graph.weights"]


@pytest.mark.parametrize("size", [None, 0, 1000])
def test_missing_or_cut_weights_are_noticed(whole: Path, size: int | None) -> None:
    separate = whole.with_name("separate.onnx")
    separate_weights(whole, separate)
    weights = separate.with_suffix(".weights")
    weights.unlink() if size is None else weights.write_bytes(weights.read_bytes()[:size])

    with pytest.raises(Exception, match="weights"):
        open_graph(separate)
