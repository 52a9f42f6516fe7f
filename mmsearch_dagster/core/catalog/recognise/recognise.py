"""The drafted mapping of a file, by the first kind of export that it is."""

from mmsearch_dagster.core.catalog.recognise.behaviour_exports import BEHAVIOUR
from mmsearch_dagster.core.catalog.recognise.by_names import by_names
from mmsearch_dagster.core.catalog.recognise.draft import FileLook, TableDraft
from mmsearch_dagster.core.catalog.recognise.further_systems import FURTHER_SYSTEMS
from mmsearch_dagster.core.catalog.recognise.shop_systems import SHOP_SYSTEMS


def recognise(look: FileLook) -> TableDraft | None:
    """What a file is, and its mapping; None where nothing fits.

    Args:
        look: its columns, with an example of each.
    """
    for recogniser in (*SHOP_SYSTEMS, *FURTHER_SYSTEMS, *BEHAVIOUR, by_names):
        draft = recogniser(look)
        if draft is not None:
            return draft
    return None
