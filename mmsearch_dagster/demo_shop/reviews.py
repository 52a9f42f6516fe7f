"""What customers of the sample shop wrote about its products: useful and useless, English and Chinese."""

import random
from collections.abc import Sequence
from datetime import timedelta

from mmsearch_dagster.core.catalog.columns import (
    PRODUCT_ID,
    RATING,
    REVIEW_ID,
    TEXT,
    TIMESTAMP,
    TITLE,
    USER_ID,
)
from mmsearch_dagster.demo_shop.catalogue import Item
from mmsearch_dagster.demo_shop.shoppers import make_shoppers
from mmsearch_dagster.demo_shop.spec import StoreSpec
from mmsearch_dagster.demo_shop.wording import chinese_words, filled, words_for

REVIEW_FIELDS = (REVIEW_ID, PRODUCT_ID, USER_ID, RATING, TITLE, TEXT, TIMESTAMP)

_DAYS = 200
# Rating -> what is said. A long review takes several sentences, a useless one none of the facts.
_TITLES = {
    1: ("Broken after a week", "Never again", "A disappointment"),
    2: ("Not what I expected", "Too dear for this"),
    3: ("It is all right", "Mixed feelings"),
    4: ("Good {noun}", "Nearly perfect", "Solid"),
    5: ("Best {noun} I ever had", "Love it", "Exactly right"),
}
_SENTENCES = {
    1: (
        "The {material} came apart after three days.",
        "The {color} faded at once and stained everything else.",
        "Size {size} is far smaller than the table says.",
        "I sent it back and still wait for my money.",
    ),
    2: (
        "The {color} is duller than in the picture.",
        "It is fine for {use}, for nothing else.",
        "The {material} feels cheap, and the seams are not straight.",
    ),
    3: (
        "It does what it should, no more.",
        "The {material} is good, but {size} was not what I had in mind.",
        "Delivery took two weeks; the {noun} itself is all right.",
    ),
    4: (
        "The {color} is just as in the picture.",
        "I use it for {use} nearly every day.",
        "Good {material}, carefully made; only the packaging was damaged.",
    ),
    5: (
        "I bought a second {noun} for my sister.",
        "After four months of {use} the {material} still looks like new.",
        "The {color} is wonderful, and size {size} fits as described.",
        "{brand} never let me down.",
    ),
}
_USELESS = ("ok", "good", "!!!", "fast delivery, thanks", "👍👍", "bad", "<b>great</b> &amp; cheap")
_CHINESE = {
    1: ("用了一周就坏了，很失望。", "{color}掉色严重，不推荐。"),
    2: ("质量一般，和图片不一样。", "{kind}比想象的差。"),
    3: ("还可以，没有特别的。", "{kind}一般，物流太慢。"),
    4: ("{color}很好看，做工不错。", "性价比高，{kind}很实用。"),
    5: ("非常喜欢这个{kind}！", "{color}{kind}质量很好，会再买。", "用了几个月还像新的，推荐！"),
}

Row = dict[str, str]


def make_reviews(spec: StoreSpec, items: Sequence[Item]) -> list[Row]:
    """Rows of the reviews table by time; ratings scatter about each product's own quality."""
    if not items:
        return []
    rng, users = spec.rng("reviews"), make_shoppers(spec)
    # Some products are talked about, most hardly.
    loud = [1 / (1 + number) ** 0.5 for number in range(len(items))]
    order = rng.sample(list(items), len(items))
    rows = []
    for number in range(spec.reviews.count):
        item = rng.choices(order, loud)[0]
        user = rng.choices(users, [each.activity for each in users])[0]
        rows.append(_review(spec, item, user.user_id, number))
    return sorted(rows, key=lambda row: (row[TIMESTAMP], row[REVIEW_ID]))


def quality_of(spec: StoreSpec, item: Item) -> float:
    """The mean rating that many reviews of the product would come to, about 1.8 to 4.8."""
    rng = spec.rng(f"quality:{item.product_id}")
    return 1.8 + 3.0 * rng.betavariate(3.0, 1.6)


def _review(spec: StoreSpec, item: Item, user: str, number: int) -> Row:
    rng = spec.rng("review", number)
    rating = min(5, max(1, round(rng.gauss(quality_of(spec, item), 0.9))))
    title, text = _title_and_text(spec, item, rating, rng)
    moment = spec.now - timedelta(minutes=rng.randrange(_DAYS * 24 * 60))
    return {
        REVIEW_ID: f"R-{number + 1:05d}",
        PRODUCT_ID: item.product_id,
        USER_ID: user,
        RATING: str(rating),
        TITLE: title,
        TEXT: text,
        TIMESTAMP: moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _title_and_text(spec: StoreSpec, item: Item, rating: int, rng: random.Random) -> tuple[str, str]:
    if rng.random() < spec.reviews.empty:
        return "", ""
    if rng.random() < spec.reviews.chinese:
        words = chinese_words(spec, item.traits, rng)
        return "", "".join(filled(each, words) for each in _some(_CHINESE[rating], rng))
    if rng.random() < 0.2:
        return "", rng.choice(_USELESS)
    words = {**words_for(spec, item.traits, rng), "size": item.size}
    text = " ".join(filled(each, words) for each in _some(_SENTENCES[rating], rng))
    return filled(rng.choice(_TITLES[rating]), words), text


def _some(sentences: tuple[str, ...], rng: random.Random) -> list[str]:
    return rng.sample(sentences, rng.randint(1, len(sentences)))
