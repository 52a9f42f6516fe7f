"""What a run waits for, and what it shows of its evaluation at the end."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import polars as pl
import pytest

from mmsearch_dagster.adapters.host.run_lock import locked_step
from mmsearch_dagster.adapters.lake.snapshots import Lake
from mmsearch_dagster.cli import run
from mmsearch_dagster.settings import Settings

ROW = {"kind": "all", "branch": "released engine", "queries": 3, "ndcg@10": 0.25, "recall@10": 0.5}
ROW |= {"recall@50": 0.5, "mrr": 0.25, "map": 0.25, "top1": 0.0, "low": 0.1, "high": 0.4}


def evaluated(home: Path, *, tested: bool) -> Settings:
    settings = Settings(home)

    def make(folder: Path) -> dict[str, int]:
        pl.DataFrame([ROW, {**ROW, "kind": "words[zh]"}]).write_parquet(folder / "quality.parquet")
        if tested:
            row = {**ROW, "queries": 4, "ndcg@10": 0.125}
            pl.DataFrame([row]).write_parquet(folder / "quality_test.parquet")
        (folder / "decision.json").write_text(json.dumps({"passed": True, "reasons": []}))
        return {"rows": 3}

    Lake(settings.paths.lake).obtain("evaluation_report", "e", make)
    return settings


@pytest.mark.parametrize("tested", [True, False])
def test_the_test_split_is_shown_where_there_is_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tested: bool
) -> None:
    run.show_gate(evaluated(tmp_path, tested=tested))

    shown = capsys.readouterr().out
    assert "all queries (3)" in shown
    assert "words[zh] (3)" in shown
    assert ("test (never used to choose): all queries (4)" in shown) == tested
    assert ("0.125" in shown) == tested


def test_a_run_waits_for_the_look_of_watch_and_says_for_what(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, looking, told = Settings(tmp_path), Event(), list[str]()
    monkeypatch.setattr(run.console, "print", lambda line, **how: told.append(line))

    def look() -> None:
        with locked_step(settings.paths.lock, lambda: None):
            looking.set()
            while not told:
                Event().wait(0.01)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(look)
        assert looking.wait(30)
        with run.alone_in(settings):
            pass

    assert told == [f"In {tmp_path} a step of Dagster's is at work: waiting for it, 30 s at most."]
