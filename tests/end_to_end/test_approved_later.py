"""A model that waited while the catalogue changed is released over the catalogue of now."""

from pathlib import Path

import dagster as dg
import pytest

from mmsearch_dagster.core.release import ReleaseManifest
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.defs.resources import WorkspaceResource
from mmsearch_dagster.defs.sensors.review import review, review_sensor
from mmsearch_dagster.pipeline.home import remember
from mmsearch_dagster.pipeline.release.catalogue_refresh import refresh_catalogue
from mmsearch_dagster.pipeline.release.reviews import Reviews
from mmsearch_dagster.pipeline.run import read_catalogue
from mmsearch_dagster.settings import ASSETS_VARIABLE, HOME_VARIABLE
from tests.end_to_end.changes import repriced_shop
from tests.homes import Place, own_environment
from tests.pipeline.release.test_serving_decision import candidate

pytestmark = pytest.mark.slow

PRICE = 1234.5


@pytest.fixture(scope="module")
def morning(tiny: Place, tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, ReleaseManifest]:
    """A released home in which a candidate waits for a review, and the morning after: another price, a new
    product and one less, published under the released model. Read only."""
    folder = tmp_path_factory.mktemp("morning")
    place = tiny.copy(folder / "home", source=repriced_shop(tiny, folder / "shop"))
    waiting = candidate(place)
    Reviews(place.workspace.registry).request(waiting.model_version)
    read_catalogue(place.workspace)
    refresh_catalogue(place.workspace)
    remember(place.settings)
    return place, waiting


@pytest.fixture
def repriced(morning: tuple[Place, ReleaseManifest], tmp_path: Path) -> tuple[Place, ReleaseManifest]:
    """A copy of that morning, to be changed."""
    place, waiting = morning
    return place.copy(tmp_path / "home"), waiting


def prices(place: Place) -> set[float | None]:
    table = place.released.engine().table
    return {row["price"] for row in table.rows(sorted(table.product_ids)).values()}


def assert_released_over_todays_catalogue(place: Place, waiting: ReleaseManifest) -> None:
    """The approved model answers, from an index of its own over today's products."""
    now = place.manifest()
    assert now.weights_sha256 == waiting.weights_sha256
    assert now.refresh_of == waiting.release_id
    assert now.release_id != waiting.release_id
    assert now.index is not None
    assert waiting.index is not None
    assert now.index.version > waiting.index.version
    assert PRICE in prices(place), "the price of the morning is not lost"
    hits = place.released.engine().search(Query(text="brand new purple kite"), k=10).hits
    assert "NEW-1" in {hit.product_id for hit in hits}
    assert place.actions()[-2:] == ["approval", "promotion"]


def test_the_command_builds_its_index_and_releases_it(repriced: tuple[Place, ReleaseManifest]) -> None:
    place, waiting = repriced
    served = place.manifest()
    assert PRICE in prices(place), "prices do not wait for a review"
    assert served.release_id != waiting.release_id

    assert place.mmsearch("approve", waiting.model_version, "--note", "good on kites") == 0

    assert_released_over_todays_catalogue(place, waiting)
    assert place.mmsearch("rollback", served.release_id, "--reason", "a try") == 0
    assert place.manifest() == served


def test_the_sensor_launches_the_run_that_builds_it(
    repriced: tuple[Place, ReleaseManifest],
) -> None:
    place, waiting = repriced
    served = place.manifest()
    place.workspace.registry.tag(waiting.model_version, "review", "approved")
    with own_environment(**{HOME_VARIABLE: str(place.home), ASSETS_VARIABLE: str(place.assets)}):
        tick = review_sensor.evaluate_tick(dg.build_sensor_context())
        keys = [request.run_key for request in tick.run_requests or ()]
        assert keys == [f"review-{waiting.model_version}"]
        assert place.manifest() == served, "a look takes no time to build an index"

        workspace = WorkspaceResource(home=str(place.home))
        assert review.execute_in_process(resources={"workspace": workspace}).success

    assert_released_over_todays_catalogue(place, waiting)
