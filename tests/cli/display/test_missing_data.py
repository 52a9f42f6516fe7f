"""What a shop lacks, what it would bring, and the commands for it."""

import polars as pl

from mmsearch_dagster.cli.display.missing_data import ShopTables, as_markdown, next_steps, understood
from mmsearch_dagster.core.catalog.schemas import PRODUCTS

EVERYTHING = {"judgments": 80, "events": 5_000, "searches": 900, "reviews": 40}


def shop(tables: dict[str, int], **values: object) -> ShopTables:
    rows = [{"product_id": str(n), "title": "T", **values} for n in range(4)]
    return ShopTables.of(pl.DataFrame(rows, schema=PRODUCTS), tables)


FULL = {
    "description": "D", "image_uris": ["a.jpg"], "category": "C", "price": 1.0, "brand": "B",
    "in_stock": True, "attributes": [{"key": "color", "value": "red"}],
}  # fmt: skip


def test_a_shop_of_titles_alone_lacks_judgments_first_then_a_log_then_pictures() -> None:
    steps = next_steps(shop({}), ".h", "source.yaml")
    assert [step.missing.split(":")[0] for step in steps][:3] == [
        "judged queries",
        "a log of searches, clicks or orders",
        "pictures of 100% of the products",
    ]
    assert steps[0].command == "mmsearch label --page --home .h"
    assert any(step.missing == "a price of every product" and "`under 50`" in step.brings for step in steps)


def test_a_shop_with_everything_lacks_nothing() -> None:
    assert next_steps(shop(EVERYTHING, **FULL), ".h", "s.yaml") == []
    assert "Nothing that we know of." in as_markdown(shop(EVERYTHING, **FULL), [], [], ".h")


def test_what_was_understood_is_said_with_what_it_is_for() -> None:
    lines = understood(shop({"reviews": 40}, **FULL, parent_id="p"))
    assert lines[0] == "4 rows of products; 1 are sold in several variants"
    assert "100% have a price: `under 50` and filters by price" in lines
    assert lines[-1] == "40 reviews"


def test_the_page_ends_with_three_commands() -> None:
    one = shop({})
    page = as_markdown(one, next_steps(one, ".h", "s.yaml"), ["products: 4 rows kept"], ".h")
    commands = page.split("```sh\n")[1].split("```")[0].splitlines()
    assert commands == [
        "mmsearch up --home .h",
        "mmsearch quarantine products --home .h",
        "mmsearch label --page --home .h",
    ]
    assert "- products: 4 rows kept" in page
