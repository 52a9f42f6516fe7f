"""Reviews: what a product's ratings say once few of them count little, and which reviews help."""

import polars as pl

from mmsearch_dagster.core.catalog.columns import PRODUCT_ID, RATING, REVIEW_ID, TEXT, TIMESTAMP, TITLE

SMOOTHED = "smoothed_rating"
COUNT = "reviews"
USEFULNESS = "usefulness"
# Columns of votes that a shop may keep beside the contract's.
HELPFUL, VOTES = "helpful_votes", "total_votes"
LOWEST, HIGHEST = 1.0, 5.0
# The catalogue's mean weighs as much as so many reviews.
_PRIOR = 5.0
_FULL_LENGTH = 80.0
_LENGTH, _SPECIFIC, _BALANCE, _VOTED = 0.35, 0.35, 0.1, 0.2
_UNVOTED = 0.5


def smoothed_ratings(reviews: pl.DataFrame, prior: float = _PRIOR) -> pl.DataFrame:
    """Mean rating of each product, drawn towards the mean of all ratings: (C m + sum of ratings) / (C + n).

    m is the mean of all ratings, C = `prior`, n the product's reviews; the posterior mean of a normal
    mean with a prior worth C observations (Gelman et al., Bayesian Data Analysis, 3rd ed., section 2.5).

    Args:
        reviews: rows of the reviews table; ratings outside 1 to 5 and missing ones are left out.
        prior: C, above 0.

    Returns:
        One row per reviewed product: `product_id`, `smoothed_rating`, `reviews` (their number), sorted by id.
    """
    rated = reviews.filter(pl.col(RATING).is_between(LOWEST, HIGHEST))
    mean = rated.sort(PRODUCT_ID, RATING)[RATING].mean()
    level = float(mean) if isinstance(mean, int | float) else 0.0
    total = (prior * level + pl.col(RATING).sum()) / (prior + pl.len())
    return rated.group_by(PRODUCT_ID).agg(total.alias(SMOOTHED), pl.len().alias(COUNT)).sort(PRODUCT_ID)


def ordered_by_usefulness(reviews: pl.DataFrame) -> pl.DataFrame:
    """Orders reviews by usefulness.

    0.35 length (words over 80, at most 1) + 0.35 specificity + 0.1 balance (1 for a middling rating, 0
    for the extremes) + 0.2 votes. Specificity: the mean over a review's different words of how rare they
    are among the reviews, idf = log(N / df) over log N. Votes: the lower end of Wilson's interval of
    helpful / all votes (Wilson 1927, 95%), 0.5 where the shop keeps none. Length and rarity are the
    strongest textual signs of helpfulness in Kim, Pantel, Chklovski and Pennacchiotti, Automatically
    assessing review helpfulness, EMNLP 2006.

    Args:
        reviews: rows of the reviews table.

    Returns:
        The reviews with `usefulness` in [0, 1], per product the most useful first, newer first among equals.
    """
    if reviews.is_empty():
        return reviews.with_columns(pl.lit(0.0).alias(USEFULNESS))
    words = (
        pl.concat_str(pl.col(TITLE, TEXT).fill_null(""), separator=" ")
        .str.to_lowercase()
        # Chinese has no spaces: each of its characters is read as a word of its own.
        .str.extract_all(r"\p{Han}|[[\p{L}\p{N}]--\p{Han}]+")
    )
    numbered = reviews.with_row_index("row").with_columns(words.alias("words"))
    length = (pl.col("words").list.len() / _FULL_LENGTH).clip(upper_bound=1.0).fill_null(0.0)
    middle = (LOWEST + HIGHEST) / 2
    balance = (1.0 - (pl.col(RATING) - middle).abs() / (HIGHEST - middle)).clip(0.0, 1.0).fill_null(0.0)
    useful = (
        _LENGTH * length + _SPECIFIC * pl.col("specificity") + _BALANCE * balance + _VOTED * _votes(reviews)
    )
    return (
        numbered.join(_specificity(numbered), on="row", how="left", maintain_order="left")
        .with_columns(pl.col("specificity").fill_null(0.0))
        .with_columns(useful.round(6).alias(USEFULNESS))
        .sort(
            PRODUCT_ID,
            USEFULNESS,
            TIMESTAMP,
            REVIEW_ID,
            descending=[False, True, True, False],
            nulls_last=True,
        )
        .drop("row", "words", "specificity")
    )


def _specificity(numbered: pl.DataFrame) -> pl.DataFrame:
    pairs = numbered.select("row", pl.col("words").list.unique()).explode("words").drop_nulls()
    total = numbered.height
    if total < 2:
        return pl.DataFrame({"row": numbered["row"], "specificity": [0.0] * total})
    rare = (pl.lit(float(total)) / pl.col("row").n_unique().over("words")).log() / pl.lit(float(total)).log()
    return (
        pairs.with_columns(rare.alias("rare")).group_by("row").agg(pl.col("rare").mean().alias("specificity"))
    )


def _votes(reviews: pl.DataFrame) -> pl.Expr:
    if not {HELPFUL, VOTES} <= set(reviews.columns):
        return pl.lit(_UNVOTED)
    z, n = 1.96, pl.col(VOTES).cast(pl.Float64)
    p = (pl.col(HELPFUL) / n).clip(0.0, 1.0)
    low = (p + z**2 / (2 * n) - z * ((p * (1 - p) + z**2 / (4 * n)) / n).sqrt()) / (1 + z**2 / n)
    return pl.when(n > 0).then(low).otherwise(_UNVOTED).fill_null(_UNVOTED)
