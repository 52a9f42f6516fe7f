"""`mmsearch bench collaborative`: figures for people and programs, one sentence for a bad file."""

import json
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from mmsearch_dagster.cli import main

pytestmark = pytest.mark.slow

Captured = pytest.CaptureFixture[str]


def mmsearch(*arguments: object) -> int:
    argv = ["mmsearch", *map(str, arguments)]
    with mock.patch.object(sys, "argv", argv), pytest.raises(SystemExit) as ended:
        main.main()
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def ratings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 users of two tastes, ten ratings each at times that interleave."""
    draw = np.random.default_rng(5)
    rows = [
        f"{user}\t{item + 1 + 20 * (user % 2)}\t{5 - (place == 9) * 4}\t{880_000_000 + place * 1000 + user}"
        for user in range(60)
        for place, item in enumerate(draw.permutation(20)[:10])
    ]
    path = tmp_path_factory.mktemp("ratings") / "u.data"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("split", ["global-time", "leave-last-one", "ratio", "random"])
def test_each_split_compares_four_models(ratings: Path, capsys: Captured, split: str) -> None:
    assert mmsearch("bench", "collaborative", "--ratings", ratings, "--split", split, "--k", 5, "--json") == 0

    told = json.loads(capsys.readouterr().out)
    figures = {one["model"]: one for one in told["models"]}
    assert (told["split"], told["k"]) == (split, 5)
    assert set(figures) == {"popularity", "ease", "als", "bpr"}
    assert figures["ease"]["ndcg@5"] > figures["popularity"]["ndcg@5"]
    low, high = figures["ease"]["intervals"]["recall@5"]
    assert low <= figures["ease"]["recall@5"] <= high


def test_another_seed_is_another_random_split(ratings: Path, capsys: Captured) -> None:
    told = []
    for seed in (1, 2):
        options = ("--split", "random", "--seed", seed, "--k", 5, "--json")
        assert mmsearch("bench", "collaborative", "--ratings", ratings, *options) == 0
        told.append(json.loads(capsys.readouterr().out))

    assert [one["seed"] for one in told] == [1, 2]
    assert "seed 2" in told[1]["rule"]
    first, second = ({one["model"]: one["ndcg@5"] for one in run["models"]} for run in told)
    assert first["popularity"] != second["popularity"]


def test_a_table_for_people_names_the_split(ratings: Path, capsys: Captured) -> None:
    assert mmsearch("bench", "collaborative", "--ratings", ratings) == 0

    shown = capsys.readouterr().out
    assert all(word in shown for word in ("nDCG@10", "recall@10", "ease", "popularity", "global-time"))


@pytest.mark.parametrize(
    ("content", "options", "told"),
    [
        ("", (), "is empty"),
        ("a,b\n1,2\n", (), "no column 'userId'"),
        ("1\t2\t1\t880000000\n", (), "lower --min-rating"),
        ("1\t2\t5\t880000000\n", (), "take another --split"),
        ("1\t2\t5\t880000000\n", ("--split", "leave-one"), "did you mean 'leave-last-one'"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    tmp_path: Path, capsys: Captured, content: str, options: tuple[str, ...], told: str
) -> None:
    path = tmp_path / "ratings"
    path.write_text(content, encoding="utf-8")

    assert mmsearch("bench", "collaborative", "--ratings", path, *options) == 2

    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert told in lines[0]
