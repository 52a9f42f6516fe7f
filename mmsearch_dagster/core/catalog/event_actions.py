"""Which logged actions are the contract's, under the names that shops give them."""

import polars as pl

from mmsearch_dagster.core.catalog.columns import ACTION

# Normalised name (lower case, underscores) -> the contract's action.
_ALIASES = {
    "click": ("click", "item_click", "product_click", "result_click", "click_through", "select_item"),
    "view": ("view", "product_view", "item_view", "view_item", "view_product", "detail_view", "pdp_view"),
    "add_to_cart": ("add_to_cart", "addtocart", "cart", "cart_add", "add_item_to_cart", "add_to_basket"),
    "purchase": ("purchase", "buy", "order", "transaction", "conversion"),
    "impression": ("impression", "product_impression", "item_impression", "view_item_list"),
    "rate": ("rate", "rating", "rate_product"),
}
_CONTRACT_NAME = {alias: action for action, aliases in _ALIASES.items() for alias in (*aliases, action)}
_SHOWN = 20
# What is no plain name may be another field of a shifted row, so it is counted but not shown.
_NAME = r"^[A-Za-z]+(?:[ _-][A-Za-z]+)*$"
_OTHER = "other actions"


def contract_action(action: pl.Expr) -> pl.Expr:
    """The contract's name of a logged action, null where it is not an action on a product."""
    normalised = action.str.to_lowercase().str.replace_all(r"[\s\-_]+", "_")
    return normalised.replace_strict(_CONTRACT_NAME, default=None, return_dtype=pl.String)


def keep_product_events(events: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """Separates actions on products from all other logged events.

    Args:
        events: rows with the column `action` as the shop named it.

    Returns:
        The events with the contract's action names, and sentence -> how many events were left out for it.
        A row without any action stays: it is broken, not another kind of event.
    """
    named = events.with_columns(contract_action(pl.col(ACTION)).alias(ACTION))
    other = named[ACTION].is_null() & events[ACTION].is_not_null()
    left_out = events.filter(other)[ACTION]
    counts = left_out.value_counts().sort("count", ACTION, descending=[True, False])
    shown = counts.filter(pl.col(ACTION).str.contains(_NAME)).head(_SHOWN)
    dropped = {f"action '{name}' is not a product event": count for name, count in shown.rows()}
    rest = left_out.len() - int(shown["count"].sum())
    return named.filter(~other), dropped | ({f"{_OTHER} are not product events": rest} if rest else {})
