import shutil
from pathlib import Path

import pytest

from mmsearch_dagster.defs.loading import everything
from mmsearch_dagster.pipeline.workspace import ALERT_POLICY
from mmsearch_dagster.settings import ASSETS_VARIABLE, SOURCE_VARIABLE
from tests.shops import REVIEWED


def test_they_are_loaded_once_until_what_they_are_made_from_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(REVIEWED, tmp_path / "assets")
    monkeypatch.setenv(ASSETS_VARIABLE, str(tmp_path / "assets"))
    first = everything()

    assert everything() is first
    monkeypatch.setenv(SOURCE_VARIABLE, "shop/source.yaml")
    second = everything()
    assert second is not first
    policy = tmp_path / "assets" / ALERT_POLICY
    policy.write_text(policy.read_text(encoding="utf-8") + "\n# reviewed again\n", encoding="utf-8")
    assert everything() is not second
