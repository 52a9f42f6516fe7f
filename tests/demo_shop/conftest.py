from pathlib import Path

import pytest

from mmsearch_dagster.demo_shop.catalogue import Item, make_items
from mmsearch_dagster.demo_shop.spec import StoreSpec, parse_spec

SPEC_FILE = Path(__file__).parents[2] / "assets" / "sample" / "store.yaml"


@pytest.fixture(scope="session")
def spec_text() -> str:
    return SPEC_FILE.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def spec(spec_text: str) -> StoreSpec:
    """The shop as it is shipped."""
    return parse_spec(spec_text, "store.yaml")


@pytest.fixture(scope="session")
def items(spec: StoreSpec) -> tuple[Item, ...]:
    return make_items(spec, spec.products.count)
