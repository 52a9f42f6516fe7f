"""LanceDB without the client of its REST catalogue, which is there for whoever asks for it afterwards."""

import subprocess
import sys

import pytest

# A process for each: this one may have imported all of lancedb already.
pytestmark = pytest.mark.slow

IMPORTED = "import sys; from mmsearch_dagster.adapters.index.library import lancedb_module as m; m(); "
CLIENT = "lance_namespace_urllib3_client"


def run(program: str) -> str:
    """What a process of its own prints once the index has imported LanceDB."""
    done = subprocess.run([sys.executable, "-c", IMPORTED + program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_local_index_does_not_import_the_rest_client() -> None:
    assert run(f"print([name for name in sys.modules if name.startswith('{CLIENT}.api.')])") == "[]"


@pytest.mark.parametrize(
    "afterwards",
    [
        f"from {CLIENT} import TableApi",
        f"import {CLIENT} as client; TableApi = client.TableApi",
        f"import {CLIENT} as client; TableApi = client.api.TableApi",
        f"from {CLIENT}.api.table_api import TableApi",
    ],
)
def test_a_rest_catalogue_opened_later_finds_its_api(afterwards: str) -> None:
    assert run(f"{afterwards}; print(hasattr(TableApi, 'describe_table'))") == "True"


def test_a_name_that_the_rest_client_lacks_is_missing_as_ever() -> None:
    assert run(f"import {CLIENT} as client; print(hasattr(client, 'TabelApi'))") == "False"
