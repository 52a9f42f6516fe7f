import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.slow


def run_python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def test_torchvision_and_what_needs_it_import_beside_a_cpu_torch() -> None:
    found = run_python(
        """
        from mmsearch_dagster.core.encoders.torchvision_shim import import_torchvision
        import_torchvision()
        import_torchvision()
        import torch, timm
        from transformers import BertModel
        print(torch.ops.torchvision.nms.default._schema)
        """
    )
    assert found == "torchvision::nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def test_importing_the_module_imports_nothing_heavy() -> None:
    found = run_python(
        """
        import sys
        import mmsearch_dagster.core.encoders.torchvision_shim
        print("torch" in sys.modules, "torchvision" in sys.modules)
        """
    )
    assert found == "False False"


def test_another_failure_of_torchvision_is_not_hidden() -> None:
    found = run_python(
        """
        import sys
        class Broken:
            def find_spec(self, name, path, target=None):
                if name == "torchvision":
                    raise RuntimeError("something else")
        sys.meta_path.insert(0, Broken())
        from mmsearch_dagster.core.encoders.torchvision_shim import import_torchvision
        try:
            import_torchvision()
        except RuntimeError as error:
            print(error)
        """
    )
    assert found == "something else"
