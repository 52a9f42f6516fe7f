"""The comparison of services, on the smallest shop that shows it works. No speed is asserted."""

import pytest
from rich.console import Console

from mmsearch_dagster.core.encoders.protocol import EncoderSpec
from mmsearch_dagster.core.modalities import IMAGE, TEXT
from tests.bench.serving import measure
from tests.bench.serving.files import BenchShop
from tests.bench.serving.load import KINDS, Load, bodies_of
from tests.bench.serving.measure import CLIENTS, OURS, PLAIN, PLAIN_PER_CORE, in_turns, services
from tests.bench.serving.shop import make_shop
from tests.bench.serving.stages import WHOLE, queries_of, stages_of

pytestmark = pytest.mark.slow

SPECS = {
    TEXT: EncoderSpec(modality="text", library="transformers"),
    IMAGE: EncoderSpec(modality="image", library="timm", size=64),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> BenchShop:
    folder = tmp_path_factory.mktemp("serving")
    return make_shop(folder / "shop", folder / "encoders", SPECS, products=40, queries=12)


def test_the_release_orders_words_by_what_it_learned(shop: BenchShop) -> None:
    engine = shop.engine()
    query = queries_of(shop, 1)["words"][0]

    assert engine.manifest.ranking is not None
    assert engine.prepare(query).order == "learned"
    assert len(engine.search(query, k=10).hits) == 10


def test_all_services_answer_every_kind_of_search(shop: BenchShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "CLIENTS", (2,))
    with services(shop) as ports:
        loads = in_turns(shop, ports, searches=4, rounds=1)

    assert set(loads) == {(name, kind, 2) for name in (OURS, PLAIN, PLAIN_PER_CORE) for kind in KINDS}
    measured = [load for rounds in loads.values() for load in rounds]
    assert all(0 < load.p50 <= load.p99 and load.per_second > 0 for load in measured)


def test_our_time_is_shown_by_stage(shop: BenchShop) -> None:
    engine = shop.engine()
    for kind, queries in queries_of(shop, 3).items():
        stages = stages_of(engine, queries)
        assert all(milliseconds >= 0 for milliseconds in stages.values())
        assert stages["encode"] > 0
        assert stages[WHOLE] > stages["rank"]
        assert (stages["full text"] > 0) is (kind != "photo")


def test_what_is_asked_of_both_is_the_same(shop: BenchShop) -> None:
    words, photo, both = (bodies_of(shop, kind, 1)[0] for kind in KINDS)

    assert b'"image_base64": null' in words
    assert b'"text": null' in photo
    assert b"null" not in both


def test_the_table_and_the_ratios_name_every_point() -> None:
    loads = {
        (name, kind, clients): [Load(per_second=30.0 if name == OURS else 20.0, p50=10.0, p99=30.0)]
        for name in (OURS, PLAIN)
        for kind in KINDS
        for clients in CLIENTS
    }
    console = Console(record=True, width=120)

    measure.show(loads, console)
    ratios = [ratio for kind in KINDS for ratio in measure._ratios(kind, loads, "")]

    assert console.export_text().count(OURS) == len(KINDS) * len(CLIENTS)
    assert [round(ratio.value, 3) for ratio in ratios[:3]] == [1.5, 1.0, 3.0]
    assert all(ratio.met for ratio in ratios)
