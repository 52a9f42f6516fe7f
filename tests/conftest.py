"""One tiny shop and one finished home for all tests; whoever changes a home works on a copy."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import shops
from tests.homes import Place, own_environment


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
