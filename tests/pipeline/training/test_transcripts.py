"""Judged recordings become words once, by the recogniser of the catalogue they are asked of."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mmsearch_dagster.adapters.speech.espeak import speak
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog import schemas
from mmsearch_dagster.core.speech.language import COLUMNS, Language
from mmsearch_dagster.core.speech.transcript import NOTHING, Transcript
from mmsearch_dagster.pipeline.training.transcripts import (
    language,
    recogniser_fingerprint,
    transcribe_queries,
)
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.serving.prepare_query import is_understood
from mmsearch_dagster.settings import Settings
from tests.catalogue_rows import catalogue
from tests.media import clap, sound_file

pytest.importorskip("espeakng_loader", reason="speech for these tests comes from espeak-ng")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(Settings(tmp_path / "home"))
    _sell(made, 40)
    made.lake.obtain_table("searches", "none", lambda: (schemas.SEARCHES.to_frame(), {}))
    return made


def _sell(workspace: Workspace, products: int) -> None:
    rows = catalogue(products).select(name for name in COLUMNS if name != "description")
    rows = rows.with_columns(description=pl.lit(None, pl.String))
    workspace.lake.obtain_table("products", f"of-{products}", lambda: (rows, {}))


def words_of(workspace: Workspace) -> Language:
    return language({name: workspace.lake.current(name) for name in ("products", "searches")})


def test_what_is_understood_is_kept_and_heard_only_once(workspace: Workspace, tmp_path: Path) -> None:
    voices = {key: tmp_path / f"{key}.wav" for key in ("a", "b", "clap", "gone")}
    voices["a"].write_bytes(sound_file(speak("blue leather bag")))
    voices["b"].write_bytes(sound_file(np.zeros(16_000, np.float32)))
    voices["clap"].write_bytes(sound_file(clap()))

    transcripts = transcribe_queries(workspace, words_of(workspace), voices)
    assert {key for key, transcript in transcripts.items() if is_understood(transcript)} == {"a"}
    assert transcripts["a"].text == "blue leather bag"
    assert transcripts["b"] == transcripts["gone"] == NOTHING

    kept = next((workspace.paths.features / "transcripts").glob("*.json"))
    assert kept.stem == recogniser_fingerprint(workspace, words_of(workspace))
    told = {key: ["red shoes", 0.9] for key in json.loads(kept.read_text())}
    kept.write_text(json.dumps(told))
    assert transcribe_queries(workspace, words_of(workspace), {"a": voices["a"]}) == {
        "a": Transcript("red shoes", 0.9)
    }


def test_another_catalogue_is_another_recogniser(workspace: Workspace) -> None:
    before = recogniser_fingerprint(workspace, words_of(workspace))
    _sell(workspace, 3)
    assert recogniser_fingerprint(workspace, words_of(workspace)) != before


def test_what_people_ask_is_heard_better(workspace: Workspace) -> None:
    before = recogniser_fingerprint(workspace, words_of(workspace))
    rows = {col.USER_ID: ["ann", "bob"], col.QUERY_TEXT: ["zany hat", "zany hat"]}
    asked = pl.concat([schemas.SEARCHES.to_frame(), pl.DataFrame(rows)], how="diagonal")
    workspace.lake.obtain_table("searches", "two", lambda: (asked, {}))
    assert recogniser_fingerprint(workspace, words_of(workspace)) != before
    assert "zany" in words_of(workspace).words


def test_no_recordings_cost_nothing(workspace: Workspace) -> None:
    assert transcribe_queries(workspace, words_of(workspace), {}) == {}
    assert not (workspace.paths.features / "transcripts").exists()
