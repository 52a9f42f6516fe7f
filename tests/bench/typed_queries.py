"""`python -m tests.bench.typed_queries --shop HOME/sample --out DIR`: the sample store with typed queries.

They ask for what a product is, in the shop's words or others, some with a slip, a size or the highest price.
Their grades are the store's own facts. Half of them train. `mmsearch run --source DIR/source.yaml` makes a
release, `python -m tests.bench.against_bm25` measures it.
"""

import argparse
import csv
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.labels.misspell import misspell
from mmsearch_dagster.core.ranking.cross_fit import folds_of
from mmsearch_dagster.demo_shop.catalogue import Item, make_items
from mmsearch_dagster.demo_shop.spec import StoreSpec, parse_spec
from mmsearch_dagster.demo_shop.wording import grade, meant_query
from mmsearch_dagster.settings import assets_folder

SEED, COUNT = 7, 2_200
_WITH_PRICE, _WITH_SIZE, _MISSPELT = 0.3, 0.25, 0.35
_BOUNDS = ("under {}", "less than {} euros", "max {} eur", "below €{}", "up to {} euro")
# Of eleven folds, whose nearly equal queries stand together: five train, one validates, five are unseen.
_SPLITS = ("train",) * 5 + ("validation",) + ("test",) * 5
_SOURCE = """catalogue: typed
tables:
  products:
  - path: products.csv
    columns:
      product_id: product_id
      title: title
      description: description
      category: category
      brand: brand
      price: price
      currency: currency
      lang: lang
      in_stock: in_stock
      image_uris: images
      attributes: {color: color, pattern: pattern, size: size, material: material, title_zh: title_zh}
    list_separator: '|'
  judgments: {path: judgments.csv}
"""


@dataclass(frozen=True)
class TypedQuery:
    """Words, and product id -> grade 1 to 3. twists: what makes it hard."""

    text: str
    grades: dict[str, int]
    twists: tuple[str, ...]


def items_of(spec: StoreSpec, shop: Path) -> Sequence[Item]:
    """The facts behind the products that a shop's folder exports."""
    items = make_items(spec, spec.products.count + sum(spec.broken_rows.values()))[: spec.products.count]
    with (shop / "products.csv").open(encoding="utf-8", newline="") as opened:
        exported = {(row[col.PRODUCT_ID], row[col.TITLE]) for row in csv.DictReader(opened)}
    strange = [item.product_id for item in items if (item.product_id, item.title) not in exported]
    if strange:
        raise SystemExit(f"{shop} is not the sample store of this version: {strange[0]} is another product")
    return items


def typed_queries(spec: StoreSpec, items: Sequence[Item], count: int, seed: int) -> list[TypedQuery]:
    """So many different queries that have an answer."""
    rng, noise = random.Random(seed), np.random.default_rng(seed)
    queries: dict[str, TypedQuery] = {}
    while len(queries) < count:
        query = _query(spec, items, rng, noise)
        if query.grades:
            queries.setdefault(query.text.casefold(), query)
    return list(queries.values())


def _query(
    spec: StoreSpec, items: Sequence[Item], rng: random.Random, noise: np.random.Generator
) -> TypedQuery:
    item = rng.choice(items)
    text, wanted = meant_query(spec, item.traits, rng)
    similar = spec.kinds[wanted.kind].similar
    grades = {other.product_id: grade(wanted, other.traits, similar) for other in items}
    twists: list[str] = []
    if rng.random() < _MISSPELT and (slip := misspell(text, noise)) != text:
        text = slip
        twists.append("misspelt")
    if rng.random() < _WITH_SIZE and any(sign.isdigit() for sign in item.size):
        text = f"{text} {item.size.replace(' ', '') if rng.random() < 0.5 else item.size}"
        grades = {o.product_id: _of_size(grades[o.product_id], same=o.size == item.size) for o in items}
        twists.append("size")
    if rng.random() < _WITH_PRICE:
        bound = _round_above(item.price)
        text = f"{text} {rng.choice(_BOUNDS).format(bound)}"
        grades = {o.product_id: grades[o.product_id] if o.price < bound else 0 for o in items}
        twists.append("price")
    return TypedQuery(text, {key: mark for key, mark in grades.items() if mark}, tuple(twists))


def _of_size(mark: int, *, same: bool) -> int:
    """What is right but for its size is nearly right."""
    return mark if same else min(mark, 2)


def _round_above(price: float) -> int:
    """A round sum that people say, above a price.

    >>> _round_above(47.99), _round_above(812.99)
    (50, 850)
    """
    step = 5 if price < 50 else 10 if price < 200 else 50
    return int(price // step + 1) * step


def write_shop(shop: Path, folder: Path, queries: Sequence[TypedQuery]) -> Counter[str]:
    """Writes the source beside links to the shop's products and pictures; how many queries each split has."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("products.csv", "images"):
        if not (folder / name).exists():
            (folder / name).symlink_to((shop / name).resolve())
    (folder / "source.yaml").write_text(_SOURCE, encoding="utf-8")
    fold_of = folds_of(
        {str(row): query.text for row, query in enumerate(queries)}, folds=len(_SPLITS), seed=SEED
    )
    splits = Counter[str]()
    with (folder / "judgments.csv").open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow((col.QUERY_ID, col.QUERY_TEXT, col.PRODUCT_ID, col.GRADE, col.SPLIT))
        for row, query in enumerate(queries):
            split = _SPLITS[fold_of[str(row)]]
            splits[split] += 1
            name = "-".join((f"typed-{row:04d}", *query.twists))
            writer.writerows((name, query.text, key, mark, split) for key, mark in query.grades.items())
    return splits


def main() -> None:
    """Make, write, say what was made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shop", type=Path, required=True, help="folder of the sample store: HOME/sample")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    file = assets_folder() / "sample" / "store.yaml"
    spec = parse_spec(file.read_text(encoding="utf-8"), str(file))
    queries = typed_queries(spec, items_of(spec, options.shop), COUNT, SEED)
    splits = write_shop(options.shop, options.out, queries)
    twists = Counter(twist for query in queries for twist in query.twists or ("none",))
    print(f"{len(queries)} queries: {dict(splits)}; {dict(twists)}")


if __name__ == "__main__":
    main()
