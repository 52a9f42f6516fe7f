"""LanceDB without the client of its REST catalogue, which is there for whoever asks for it afterwards."""

import subprocess
import sys

import pytest

IMPORTED = "from mmsearch_dagster.adapters.index.library import lancedb_module as m; import sys; m(); "
API = "lance_namespace_urllib3_client.api"


def run(program: str) -> str:
    """What a process of its own prints: this one may have imported lancedb already."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_local_index_does_not_import_the_rest_client() -> None:
    assert run(f"{IMPORTED} print([name for name in sys.modules if name.startswith('{API}')])") == "[]"


@pytest.mark.parametrize(
    "afterwards",
    [
        "from lance_namespace_urllib3_client import TableApi",
        "import lance_namespace_urllib3_client as client; TableApi = client.TableApi",
        "import lance_namespace_urllib3_client as client; TableApi = client.api.TableApi",
        "from lance_namespace_urllib3_client.api.table_api import TableApi",
    ],
)
def test_a_rest_catalogue_opened_later_finds_its_api(afterwards: str) -> None:
    assert run(f"{IMPORTED} {afterwards}; print(hasattr(TableApi, 'describe_table'))") == "True"


def test_a_name_that_the_rest_client_lacks_is_missing_as_ever() -> None:
    program = (
        f"{IMPORTED} import lance_namespace_urllib3_client as client; print(hasattr(client, 'TabelApi'))"
    )
    assert run(program) == "False"
