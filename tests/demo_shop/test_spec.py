"""The specification is what a person reviews; a slip in it is named, with its place and the nearest name."""

import pytest

from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.demo_shop.drawings.picture import DRAWINGS
from mmsearch_dagster.demo_shop.spec import StoreSpec, parse_spec


def test_the_shipped_shop_is_as_large_as_promised(spec: StoreSpec) -> None:
    assert len(spec.kinds) >= 24
    assert spec.products.count == 500
    assert (spec.log.users, spec.log.events, spec.log.days) == (300, 20_000, 30)
    assert 0.015 <= sum(spec.broken_rows.values()) / spec.products.count <= 0.025


def test_every_drawing_is_sold(spec: StoreSpec) -> None:
    assert set(spec.kinds) == set(DRAWINGS)


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("colors: [red, blue, white", "colors: [rde, blue, white", "kinds.t_shirt.colors: 'rde' .* 'red'"),
        ("  t_shirt: {", "  t_shrit: {", "kinds.t_shrit: .*did you mean 't_shirt'"),
        ("similar: [t_shirt]", "similar: [t-shirt]", "kinds.shirt.similar: .*'t_shirt'"),
        ("seed: 20261001", "sead: 20261001", "seed: Field required"),
        (
            "without_picture: 0.06",
            "without_picture: 6",
            "products.without_picture: .*less than or equal to 1",
        ),
        ("splits: {train: 0.6", "splits: {training: 0.6", "queries.splits: 'training' .*'train'"),
        ("seed: 20261001", "seed: [", "not readable as YAML"),
    ],
)
def test_a_slip_is_named_with_its_place(spec_text: str, right: str, wrong: str, said: str) -> None:
    assert right in spec_text
    with pytest.raises(ConfigError, match=said) as caught:
        parse_spec(spec_text.replace(right, wrong, 1), "store.yaml")
    assert str(caught.value).startswith("store.yaml: ")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("text", ["", "[]", "kinds", "\x00"])
def test_something_else_than_a_specification_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"store\.yaml"):
        parse_spec(text, "store.yaml")
