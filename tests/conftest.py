"""One tiny shop and one finished home for all tests; whoever changes a home works on a copy."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

# Tiny networks: two threads wait for each other longer than they work, above all on a busy machine.
# Set before anything imports torch.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from tests import shops
from tests.homes import Place, own_environment
from tests.pipeline.changes import changed_shop


@pytest.fixture(autouse=True)
def _environment_of_its_own() -> Iterator[None]:
    with own_environment():
        yield


@pytest.fixture(scope="session")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reviewed files, with a training of seconds."""
    return shops.tiny_assets(tmp_path_factory.mktemp("reviewed") / "assets")


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`source.yaml` of the tiny drawn shop."""
    folder = tmp_path_factory.mktemp("shop")
    return shops.tiny_shop(folder / "shop", spec_file=folder / "store.yaml")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, assets: Path, shop: Path) -> Place:
    """A home with its first release, made by `mmsearch run`. Read only."""
    place = Place(tmp_path_factory.mktemp("tiny") / "home", shop, assets)
    assert place.run() == 0
    return place


@pytest.fixture(scope="session")
def later(tiny: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The home a day later: another release, of a changed catalogue, without a disturbance. Read only."""
    from mmsearch_dagster.defs.plain import refresh

    folder = tmp_path_factory.mktemp("later")
    place = tiny.copy(folder / "home", source=changed_shop(tiny, folder / "shop"))
    refresh(place.workspace)
    return place


@pytest.fixture
def place(tiny: Place, tmp_path: Path) -> Place:
    """A copy of the released home, to be changed."""
    return tiny.copy(tmp_path / "home")


@pytest.fixture
def new_place(tiny: Place, tmp_path: Path) -> Place:
    """An empty home that finds the encoders ready; its shop is for the test to choose."""
    home = tmp_path / "new"
    home.mkdir()
    (home / "encoders").symlink_to(tiny.paths.encoder_cache.resolve())
    return Place(home, None, tiny.assets)
