"""Products of matrices of 8-bit numbers, by ONNX Runtime."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.retrieval.int8_scan import QUERY_ZERO, Int8Product, Int8Rows, Int8Scan

_OPSET, _IR_VERSION = 13, 8


def int8_scan(rows: Matrix) -> Int8Scan:
    """Compares queries with these rows.

    Args:
        rows: unit vectors, float32 [m, d].
    """
    quantised = Int8Rows.of(rows)
    return Int8Scan(int8_product(quantised), quantised.error)


def int8_product(rows: Int8Rows) -> Int8Product:
    """Multiplies with these rows on one core. Safe to share between threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(_graph(rows), options, providers=["CPUExecutionProvider"])

    def product(codes: NDArray[np.uint8]) -> Matrix:
        products: Any = session.run(None, {"codes": codes})[0]
        return products

    return product


def _graph(rows: Int8Rows) -> bytes:
    """The rows as a constant, so that the runtime lays them out for its processor once."""
    from onnx import TensorProto, helper, numpy_helper

    m, d = rows.values.shape
    constants = {
        "rows": np.ascontiguousarray(rows.values.T),
        "zero": np.array(QUERY_ZERO, dtype=np.uint8),
        "scales": rows.scales,
    }
    graph = helper.make_graph(
        [
            helper.make_node("MatMulInteger", ["codes", "rows", "zero"], ["whole"]),
            helper.make_node("Cast", ["whole"], ["single"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["single", "scales"], ["products"]),
        ],
        "int8_product",
        [helper.make_tensor_value_info("codes", TensorProto.UINT8, ["queries", d])],
        [helper.make_tensor_value_info("products", TensorProto.FLOAT, ["queries", m])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
    model.ir_version = _IR_VERSION
    return model.SerializeToString()
