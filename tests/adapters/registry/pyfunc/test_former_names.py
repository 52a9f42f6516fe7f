"""What former scripts, stored with registered models, import."""

import subprocess
import sys
from importlib import import_module

import pytest

from mmsearch_dagster.adapters.models.load import spec_of
from mmsearch_dagster.adapters.registry.pyfunc.former_names import FORMER_NAMES, install
from mmsearch_dagster.adapters.registry.pyfunc.inputs import ModelRow


@pytest.mark.parametrize(("module", "names"), FORMER_NAMES.items(), ids=FORMER_NAMES)
def test_every_former_name_leads_to_something(module: str, names: dict[str, str]) -> None:
    found = import_module(module)
    for name in names:
        assert getattr(found, name) is not None


def test_a_former_name_is_the_thing_of_today() -> None:
    from mmsearch_dagster.adapters.encoders import spec_of as former
    from mmsearch_dagster.adapters.model_inputs import Asked
    from mmsearch_dagster.adapters.registry.pyfunc_model import SearchModel as Served

    from mmsearch_dagster.adapters.registry.pyfunc.model import SearchModel

    assert former is spec_of
    assert Asked is ModelRow
    assert Served is SearchModel


def test_a_name_that_no_script_used_is_not_there() -> None:
    with pytest.raises(AttributeError, match=r"has no 'load_encoder'"):
        _ = import_module("mmsearch_dagster.adapters.encoders").load_encoder
    with pytest.raises(ModuleNotFoundError):
        import_module("mmsearch_dagster.adapters.model_versions")


def test_the_names_are_installed_once_and_without_heavy_imports() -> None:
    code = (
        "import sys, mmsearch_dagster.adapters.encoders as former\n"
        "heavy = {'torch', 'mlflow', 'numpy', 'pandas', 'pydantic'} & set(sys.modules)\n"
        "former.spec_of\n"
        "print(sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    count = len(sys.meta_path)
    install()
    assert len(sys.meta_path) == count
