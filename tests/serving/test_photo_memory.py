"""Judged photos as keys to their products, in a released engine."""

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmsearch_dagster.core.errors import ReleaseMismatchError
from mmsearch_dagster.core.memories.photo_fit import fit_memory
from mmsearch_dagster.core.memories.photo_memory import MEMORY_FILE
from mmsearch_dagster.core.memories.photos import LabelledPhotos
from mmsearch_dagster.core.modalities import IMAGE, TEXT
from mmsearch_dagster.core.release import PhotoMemoryPin
from mmsearch_dagster.core.retrieval.query import Answer, Query
from mmsearch_dagster.core.retrieval.rank_fusion import PHOTO_MEMORY, modality_column
from mmsearch_dagster.serving.engine import Engine
from mmsearch_dagster.serving.explain import explain
from tests.small_release import HashedWords, MeanColour, SmallRelease, make_release, picture

ALONE = {"picture": {"vector": 0.0, PHOTO_MEMORY: 1.0}}
# Of the judged photos of each product, whatever its picture shows.
HUES = (
    *((200, 40, 40), (200, 200, 40), (40, 200, 40), (40, 200, 200)),
    *((40, 40, 200), (200, 40, 200), (250, 130, 60), (60, 130, 250)),
)
RGB = HUES[0]


def photo(middle: tuple[int, int, int], around: tuple[int, int, int] = (128, 128, 128)) -> bytes:
    image = Image.new("RGB", (40, 40), around)
    image.paste(Image.new("RGB", (28, 28), middle), (6, 6))
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> SmallRelease:
    return make_release(tmp_path_factory.mktemp("photos"), products=len(HUES), text_column=True)


def opened(release: SmallRelease, pin: PhotoMemoryPin | None) -> Engine:
    retrieval = release.manifest.retrieval.model_copy(update={"weights": ALONE if pin else {}})
    manifest = release.manifest.model_copy(update={"photo_memory": pin, "retrieval": retrieval})
    encoders = {TEXT: HashedWords(), IMAGE: MeanColour()}
    return Engine.open(manifest, release.index_uri, release.model_dir, encoders)


def remembering(release: SmallRelease, products: Sequence[str]) -> Engine:
    """Opened with five judged photos of each of these products, and the pictures of the same."""
    table = opened(release, None).table
    encoder, rng = MeanColour(), np.random.default_rng(1)
    hues = np.repeat(np.array(HUES[: len(products)]), 5, axis=0) + rng.integers(
        -5, 6, size=(5 * len(products), 3)
    )
    rows = np.stack([encoder.vector(photo((int(r), int(g), int(b)))) for r, g, b in hues])
    photos = LabelledPhotos(tuple(np.repeat(products, 5).tolist()), np.stack([rows, rows]))
    ids, matrix = table.vectors(products, modality_column(IMAGE))
    memory = fit_memory(photos, LabelledPhotos(tuple(ids), np.stack([matrix, matrix])), 0.8)
    sha256 = memory.save(release.model_dir / MEMORY_FILE)
    pin = PhotoMemoryPin(sha256=sha256, photos=len(photos), products=len(products), shrinkage=0.8)
    return opened(release, pin)


@pytest.fixture(scope="module")
def products(release: SmallRelease) -> list[str]:
    return sorted(opened(release, None).table.product_ids)


@pytest.fixture(scope="module")
def engine(release: SmallRelease, products: list[str]) -> Engine:
    return remembering(release, products)


def first(answer: Answer) -> str:
    return answer.hits[0].product_id


def test_a_photo_like_the_judged_ones_finds_their_product(engine: Engine, products: list[str]) -> None:
    assert [first(engine.search(Query(image=photo(hue)), k=3)) for hue in HUES] == products


def test_a_product_that_came_into_the_catalogue_later_can_be_found(
    release: SmallRelease, products: list[str]
) -> None:
    hits = remembering(release, products[:6]).search(Query(image=picture("green")), k=40).hits
    assert {hit.product_id for hit in hits} == set(products)


def test_only_products_that_pass_the_filter_are_found(engine: Engine, products: list[str]) -> None:
    where = f'product_id != "{products[0]}"'
    hits = engine.search(Query(image=photo(RGB)), k=40, where=where).hits
    assert products[0] not in {hit.product_id for hit in hits}
    assert len(hits) == len(products) - 1


def test_an_explanation_shows_the_rank_among_judged_photos(engine: Engine, products: list[str]) -> None:
    retrievers = explain(engine, Query(image=photo(RGB)), products[0])["branches"]
    ranks = {retriever["branch"]: retriever["rank"] for retriever in retrievers}
    assert ranks[PHOTO_MEMORY] == 1


def test_words_are_answered_as_without_it(release: SmallRelease, engine: Engine) -> None:
    query = Query(text="blue leather bag")
    assert [hit.product_id for hit in engine.search(query, k=10).hits] == [
        hit.product_id for hit in opened(release, None).search(query, k=10).hits
    ]


def test_a_request_can_leave_it_out(engine: Engine, products: list[str]) -> None:
    weights = {PHOTO_MEMORY: 0.0, "vector": 1.0}
    answer = engine.search(Query(image=photo(RGB), weights=weights), k=3)
    assert all(PHOTO_MEMORY not in hit.branches for hit in answer.hits)


def test_a_photo_is_looked_at_more_closely_only_where_the_memory_is_searched(
    release: SmallRelease, engine: Engine
) -> None:
    query = Query(image=photo(RGB))
    assert engine.prepare(query).closer_look is not None
    assert engine.prepare(replace(query, weights={PHOTO_MEMORY: 0.0, "vector": 1.0})).closer_look is None
    assert opened(release, None).prepare(query).closer_look is None


def test_another_file_than_the_released_one_is_refused(release: SmallRelease, products: list[str]) -> None:
    pin = remembering(release, products).manifest.photo_memory
    assert pin is not None
    file = Path(release.model_dir / MEMORY_FILE)
    content = file.read_bytes()
    file.write_bytes(content[:-1])
    with pytest.raises(ReleaseMismatchError, match="is not the photo memory"):
        opened(release, pin)
    file.unlink()
    with pytest.raises(ReleaseMismatchError, match="cannot be read"):
        opened(release, pin)
    file.write_bytes(content)
