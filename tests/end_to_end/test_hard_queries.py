"""The reviewed hard queries on the released sample store; `make demo` makes it."""

import os
import random
import string
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mmsearch_dagster.cli.options import released_of
from mmsearch_dagster.core.retrieval.filters.language import to_where
from mmsearch_dagster.core.retrieval.query import Answer, Query
from mmsearch_dagster.core.yaml_text import load_yaml
from mmsearch_dagster.serving.engine import Engine

ROOT = Path(__file__).parents[2]
FILE = ROOT / "assets" / "queries" / "hard.yaml"
HOME = Path(os.environ.get("MMSEARCH_HOME", ROOT / ".mmsearch"))
HARD: list[dict[str, Any]] = load_yaml(FILE.read_text(encoding="utf-8"), str(FILE))["queries"]
FOREIGN = (
    *("Rasenmäher", "Kühlschrank", "Zahnbürste", "Schraubenzieher", "Handschuhe", "paraguas", "zapatos"),
    *(
        "pantalones",
        "destornillador",
        "parapluie",
        "chaussures",
        "tondeuse",
        "ombrello",
        "orologio",
        "cacciavite",
    ),
    *(
        "cacciavite",
        "guarda-chuva",
        "klocka",
        "tvättmaskin",
        "schroevendraaier",
        "esernyő",
        "deštník",
        "зонт",
        "обувь",
    ),
    *("чемодан", "洗濯機", "세탁기", "洗衣机", "冰箱", "螺丝刀", "天气预报", "pesukone", "zegarek"),
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (HOME / "index" / "sample.lance").is_dir(), reason="no sample release: make demo"),
]


@cache
def engine() -> Engine:
    return released_of(HOME).engine()


def wrong_products(answer: Answer, where: str, within: int) -> list[str]:
    """Those of the first `within` products that do not pass the filter."""
    shown = [hit.product_id for hit in answer.hits[:within]]
    condition = to_where(where)
    return [key for key in shown if not engine().table.passing(f"product_id = '{key}' AND ({condition})")]


@pytest.mark.parametrize("query", HARD, ids=[query["text"] for query in HARD])
def test_a_hard_query_is_answered(query: dict[str, Any]) -> None:
    answer = engine().search(Query(text=query["text"]), k=10)

    assert answer.understood is not None
    if "first" in query:
        assert answer.hits[0].product_id == query["first"]
    if "where" in query:
        assert answer.hits
        assert not wrong_products(answer, query["where"], query.get("within", 3))
    if "correct" in query:
        assert answer.understood.text == query["correct"]
    if "note" in query:
        assert answer.note is not None


def test_strings_without_a_meaning_never_get_a_confident_list() -> None:
    rng = random.Random(20261127)

    def word() -> str:
        return "".join(rng.choices(string.ascii_lowercase, k=rng.randint(3, 10)))

    texts = [" ".join(word() for _ in range(rng.randint(1, 3))) for _ in range(1_000 - len(FOREIGN))]
    texts = [
        text for text in (*texts, *FOREIGN) if not engine().table.passing(f"contains(search_text, '{text}')")
    ]
    answers = engine().search_batch([Query(text=text) for text in texts], k=5)

    assert not [text for text, answer in zip(texts, answers, strict=True) if _is_confident(answer)]


def _is_confident(answer: Answer) -> bool:
    """Whether it shows products and says nothing about the words."""
    parts = answer.understood.parts if answer.understood else ()
    return bool(answer.hits) and answer.note is None and not any(part.effect != "prefer" for part in parts)
