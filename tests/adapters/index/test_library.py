"""LanceDB without the client of its REST catalogue, which is there for whoever needs it afterwards."""

import subprocess
import sys
from pathlib import Path

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
    assert run(f"print([name for name in sys.modules if name.startswith('{CLIENT}')])") == "[]"


def test_a_local_database_that_answers_by_a_class_of_the_client_does_so(tmp_path: Path) -> None:
    tables = f"m().connect({str(tmp_path)!r}).list_tables()"
    assert run(f"found = {tables}; print(found.tables, type(found).__module__.partition('.')[0])") == (
        f"[] {CLIENT}"
    )


def test_a_class_of_the_client_that_lancedb_names_is_used_like_any() -> None:
    uses = (
        "typing.get_args(Response | None) == (Response, type(None))",
        "isinstance(Response(tables=['a']), Response)",
        "Response.from_dict({'tables': ['a']}).tables == ['a']",
        "types.new_class('Longer', (Response,))(tables=['a']).tables == ['a']",
        f"Response(tables=['a']) == {CLIENT}.ListTablesResponse(tables=['a'])",
    )
    named = f"import typing, types, {CLIENT}; from lance_namespace import ListTablesResponse as Response; "
    assert run(f"{named}print({', '.join(uses)})") == "True True True True True"


def test_methods_of_classes_made_afterwards_are_compared_with_what_they_override() -> None:
    program = "import overrides; print(overrides.override.__module__, overrides.EnforceOverrides is object)"
    assert run(program) == "overrides.overrides False"
