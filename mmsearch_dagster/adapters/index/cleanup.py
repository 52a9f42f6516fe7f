"""Old versions of the index's tables: what no kept release names is dropped, files and all.

LanceDB's own clean-up fails over tagged versions, so the file format's library does it.
"""

from collections.abc import Collection, Mapping
from datetime import timedelta
from pathlib import Path

from mmsearch_dagster.adapters.index.library import lancedb_module

_ENDING = ".lance"


def dropped_tags(folder: Path, kept: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """Table -> tags that no kept release names.

    Args:
        folder: of the index.
        kept: table -> tags that stay.
    """
    if not folder.is_dir():
        return {}
    connection = lancedb_module().connect(str(folder))
    tables = sorted(path.name.removesuffix(_ENDING) for path in folder.glob(f"*{_ENDING}"))
    tags = {table: sorted(connection.open_table(table).tags.list()) for table in tables}
    return {table: [tag for tag in names if tag not in kept.get(table, ())] for table, names in tags.items()}


def clean_up(folder: Path, dropped: Mapping[str, Collection[str]]) -> int:
    """Drops these tags, and every version that has no tag but the newest one.

    Nobody may write the index meanwhile. Tagged versions stay as they are.

    Args:
        folder: of the index.
        dropped: table -> tags.

    Returns:
        Bytes that were freed.
    """
    import lance

    connection, freed = lancedb_module().connect(str(folder)), 0
    for table, tags in dropped.items():
        opened = connection.open_table(table)
        for tag in tags:
            opened.tags.delete(tag)
        freed += (
            lance.dataset(str(folder / f"{table}{_ENDING}"))
            .cleanup_old_versions(
                older_than=timedelta(0), delete_unverified=True, error_if_tagged_old_versions=False
            )
            .bytes_removed
        )
    return freed
