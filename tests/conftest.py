"""One tiny shop and one finished home for all tests; whoever changes a home works on a copy."""

import gc
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

# Tiny networks: two threads wait for each other longer than they work, above all on a busy machine.
# Set before anything imports torch.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from tests import shops
from tests.end_to_end.changes import relogged_shop
from tests.homes import Place, own_environment

# A busy machine is no bug: no example fails for the time it took.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
# `make quick` tries a few of the examples that `make test` tries.
settings.register_profile("quick", settings.get_profile("unhurried"), max_examples=15)


# What stands in a file whose tests are all slow.
_ALL_SLOW = re.compile(r"^pytestmark = .*\bpytest\.mark\.slow\b", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """`make quick` does not even import files whose tests are all slow: what they import takes seconds."""
    if config.option.markexpr != "not slow" or collection_path.suffix != ".py":
        return None
    return True if _ALL_SLOW.search(collection_path.read_text(encoding="utf-8")) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first: at the end the processes finish together.

    One process makes the finished home with the longest of all; until then the other does what needs none.
    """
    items.sort(key=_turn)


def pytest_configure() -> None:
    """The garbage collector looks at what is new less often: it took a twentieth of the time."""
    gc.set_threshold(20_000)


def pytest_collection_finish() -> None:
    """It leaves out, from here on, what tests and libraries are made of."""
    gc.freeze()


def _turn(item: pytest.Item) -> int:
    if item.path.name == "test_killed.py":
        return 0
    if item.get_closest_marker("slow") is None:
        return 3
    return 2 if "tiny" in getattr(item, "fixturenames", ()) else 1


@pytest.fixture(autouse=True)
def _environment_of_its_own() -> Iterator[None]:
    with own_environment():
        yield


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder of this test run that all its processes share."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


def once(folder: Path, make: Callable[[Path], object]) -> Path:
    """`folder`, made by whichever process comes first; the others wait for it."""
    with FileLock(f"{folder}.lock"):
        made = Path(f"{folder}.made")
        if not made.exists():
            make(folder)
            made.touch()
    return folder


@pytest.fixture(scope="session")
def assets(common: Path) -> Path:
    """The reviewed files, with a training of seconds."""
    return once(common / "reviewed", shops.tiny_assets)


@pytest.fixture(scope="session")
def shop(common: Path) -> Path:
    """`source.yaml` of the tiny drawn shop."""
    spec = common / "store.yaml"
    return once(common / "shop", lambda folder: shops.tiny_shop(folder, spec_file=spec)) / "source.yaml"


@pytest.fixture(scope="session")
def encoders(common: Path) -> Path:
    """The cache of every home here: who needs an encoder first exports it, the others find it ready."""
    folder = common / "encoders"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def tiny(common: Path, assets: Path, shop: Path, encoders: Path) -> Place:
    """A home with its first release, made by `mmsearch run`. Read only."""
    place = Place(common / "tiny", shop, assets)

    def make(home: Path) -> None:
        home.mkdir()
        place.paths.encoder_cache.symlink_to(encoders)
        assert place.run() == 0

    once(place.home, make)
    return place


@pytest.fixture(scope="session")
def later(common: Path, tiny: Place) -> Place:
    """The home a day later: another release, of a changed log, without a disturbance. Read only."""
    from mmsearch_dagster.pipeline.run import refresh

    source = once(common / "later-shop", lambda folder: relogged_shop(tiny, folder)) / "source.yaml"
    place = Place(common / "later", source, tiny.assets)
    once(place.home, lambda home: refresh(tiny.copy(home, source=source).workspace))
    return place


@pytest.fixture
def place(tiny: Place, tmp_path: Path) -> Place:
    """A copy of the released home, to be changed."""
    return tiny.copy(tmp_path / "home")


@pytest.fixture
def new_place(encoders: Path, assets: Path, tmp_path: Path) -> Place:
    """An empty home that finds the encoders ready; its shop is for the test to choose."""
    place = Place(tmp_path / "new", None, assets)
    place.home.mkdir()
    place.paths.encoder_cache.symlink_to(encoders)
    return place
