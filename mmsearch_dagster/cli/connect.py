"""`mmsearch connect`: looks at exports, writes a source.yaml for review, and shows what it understood."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import polars as pl

from mmsearch_dagster.adapters.sources import load_source, read_table
from mmsearch_dagster.adapters.sources.connect import Connected, as_yaml, catalogue_name, connect
from mmsearch_dagster.adapters.sources.unpack import unpacked
from mmsearch_dagster.cli.display import tables
from mmsearch_dagster.cli.display.progress import console, print_plain
from mmsearch_dagster.core.catalog.contract import separate_broken_rows, top_reasons
from mmsearch_dagster.core.catalog.mapping.remote_media import is_address
from mmsearch_dagster.core.errors import ConfigError, SourceError

_CELL = 60


def run(
    files: Sequence[str],
    out: Path,
    *,
    catalogue: str | None,
    preview: int,
    force: bool,
    allow_private: bool = False,
) -> None:
    """Writes `out`, and prints a table of each file, what was left out, and the first rows as they are read.

    Raises:
        ConfigError: `out` is there already.
        SourceError: a file cannot be read or is not understood.

    allow_private: files and pictures may also come from this machine and from private networks.
    """
    if out.exists() and not force:
        raise ConfigError(f"{out} is there already: give another --out, or --force to write over it")
    out.parent.mkdir(parents=True, exist_ok=True)
    paths = [_local(file, out.parent, allow_private=allow_private) for file in files]
    connected = connect(paths)
    name = catalogue or catalogue_name(paths[0])
    out.write_text(as_yaml(connected, name, out, allow_private=allow_private), encoding="utf-8")
    for export in connected:
        _show(export)
    _show_rows(out, preview)
    print_plain(f"Written: {out}. Read it, then: mmsearch run --source {out} --home .{name}")


def _local(file: str, folder: Path, *, allow_private: bool) -> Path:
    """The file; one at an address is first brought beside the source.yaml."""
    if not is_address(file):
        return unpacked(Path(file), folder)
    from mmsearch_dagster.adapters.remote_files.export_fetch import fetch_export

    target = folder / (Path(urlsplit(file).path).name or "export")
    target.write_bytes(fetch_export(file, allow_private=allow_private))
    return unpacked(target, folder)


def _show(export: Connected) -> None:
    print_plain(f"{export.path}: {export.draft.kind}, table {export.draft.table}")
    if export.written.get("encoding", "").startswith(("cp", "mac")):
        print_plain(f"read as {export.written['encoding']}, by its letters: look at the accents below")
    rows = export.draft.understood(export.look)
    if rows:
        frame = pl.DataFrame(
            {
                "column": [row.column for row in rows],
                "example": [row.example for row in rows],
                "becomes": [row.contract for row in rows],
                "how sure": [row.sureness for row in rows],
            }
        )
        console.print(tables.frame_table(frame, "understood"))
    left_out = export.draft.left_out(export.look)
    if left_out:
        print_plain(f"left out: {', '.join(left_out)}")


def _show_rows(out: Path, preview: int) -> None:
    """The first rows of each table as a run would read them; what stands in the way is said."""
    try:
        source = load_source(out)
        for table in source.spec.tables:
            checked = separate_broken_rows(read_table(source, table, lambda ids: ids))
            print_plain(
                f"{table}: {checked.good.height:,} rows can be used, {checked.quarantined.height:,} cannot"
            )
            for kind, frame in (("broken", checked.quarantined), ("left empty", checked.emptied)):
                for reason, count in top_reasons(frame):
                    print_plain(f"  {kind} in {count:,}: {reason}")
            for row in checked.good.head(preview).iter_rows(named=True):
                print_plain(f"  {'; '.join(_cells(row))}")
    except SourceError as error:
        print_plain(f"To be settled first: {error}")


def _cells(row: dict[str, object]) -> list[str]:
    return [f"{name}: {str(value)[:_CELL]}" for name, value in row.items() if value is not None]
