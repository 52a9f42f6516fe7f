"""What a snapshot was made from is followed back; what does not belong together is refused."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.adapters.lake.lineage import current_inputs, lineage_of
from mmsearch_dagster.adapters.lake.snapshots import Facts, Lake, Snapshot
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.errors import LineageError, MmsearchError

# asset -> the assets that its step reads, as in the refresh
GRAPH: dict[str, tuple[str, ...]] = {
    "products": (),
    "features": ("products",),
    "examples": ("products", "features"),
    "fusion": ("examples",),
    "evaluation": ("fusion", "examples"),
    "profiles": ("evaluation", "fusion"),
    "ranker": ("products", "profiles"),
}


def materialise(lake: Lake, asset: str, revision: int = 0) -> Snapshot:
    """One step of the graph, from what is current. revision: of the shop's own files."""
    inputs = current_inputs(lake, GRAPH[asset])
    digest = digest_of({"revision": revision, "from": {name: one.digest for name, one in inputs.items()}})
    return lake.obtain(asset, digest, lambda folder: {"rows": 1}, inputs=inputs.values())[0]


def refreshed(folder: Path) -> Lake:
    """A lake after a whole refresh."""
    lake = Lake(folder)
    for asset in GRAPH:
        materialise(lake, asset)
    return lake


def test_the_way_back_comes_to_every_input_once(tmp_path: Path) -> None:
    lake = refreshed(tmp_path)

    lineage = lineage_of(lake, [lake.current("ranker")])

    assert set(lineage.snapshots) == set(GRAPH)
    assert lineage["products"] == lake.current("products")


def test_a_ranker_of_another_run_does_not_belong_to_this_evaluation(tmp_path: Path) -> None:
    lake = refreshed(tmp_path)
    materialise(lake, "products", revision=1)
    for asset in ("features", "examples", "fusion", "evaluation"):
        materialise(lake, asset)

    with pytest.raises(LineageError, match=r"ranker was made from \w+ .*they do not belong together"):
        lineage_of(lake, [lake.current("evaluation"), lake.current("ranker")])


def test_a_step_refuses_inputs_of_different_data(tmp_path: Path) -> None:
    lake = refreshed(tmp_path)
    materialise(lake, "products", revision=1)

    with pytest.raises(LineageError, match=r"follows 'products' again, or use `mmsearch run`"):
        materialise(lake, "examples")


def test_a_snapshot_that_is_gone_is_named(tmp_path: Path) -> None:
    lake = refreshed(tmp_path)
    gone = lake.current("features")
    (gone.folder / "facts.json").unlink()

    with pytest.raises(LineageError, match=r"made from features .*gone from the lake"):
        lineage_of(lake, [lake.current("ranker")])


def test_what_an_older_version_made_says_so(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.obtain("evaluation", "old", lambda folder: {"rows": 1, "inputs": "a digest"})

    lineage = lineage_of(lake, [lake.current("evaluation")])

    assert "products" not in lineage
    with pytest.raises(LineageError, match="an older version made them"):
        lineage["products"]


def test_facts_of_another_version_are_refused_in_a_sentence(tmp_path: Path) -> None:
    class Named(Facts):
        winner: str

    lake = Lake(tmp_path)
    lake.obtain("evaluation", "old", lambda folder: {"rows": 1})

    with pytest.raises(MmsearchError, match="materialise 'evaluation' again"):
        Named.of(lake.current("evaluation"))


@pytest.mark.slow
@given(
    st.lists(
        st.one_of(
            st.sampled_from(sorted(GRAPH)).map(lambda asset: (asset, None)),
            st.integers(0, 2).map(lambda revision: ("products", revision)),
        ),
        max_size=25,
    )
)
def test_no_order_of_materialisation_gives_a_mixture(orders: list[tuple[str, int | None]]) -> None:
    """Whatever somebody materialises by hand: what is accepted, was all made from the very same products."""
    with TemporaryDirectory() as folder:
        lake, revision = refreshed(Path(folder)), 0
        for asset, changed in orders:
            revision = revision if changed is None else changed
            try:
                materialise(lake, asset, revision if asset == "products" else 0)
            except LineageError:
                continue
        try:
            lineage = lineage_of(lake, [lake.current(name) for name in ("evaluation", "ranker", "products")])
        except LineageError:
            return
        assert lineage["products"] == lake.current("products")
        for snapshot in lineage.snapshots.values():
            for asset, digest in snapshot.inputs.items():
                assert lineage[asset].digest == digest
