"""Copies in a home of tables' files that lie at addresses: a later run finds each address's copy again."""

from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from mmsearch_dagster.core.digest import sha256_text


def copy_of_file(address: str, folder: Path) -> Path:
    """Where the copy of a file at an address lies.

    Args:
        address: of http, https, s3 or gs.
        folder: of copies.
    """
    name = PurePosixPath(urlsplit(address).path)
    return folder / f"{name.stem[:60] or 'table'}-{sha256_text(address)[:12]}{name.suffix}"


def refresh_file(address: str, folder: Path, *, allow_private: bool = False) -> Path:
    """Fetches the file of now into its copy and returns it; a reader sees the old copy or the new one.

    Args:
        address: of http, https, s3 or gs.
        folder: of copies.
        allow_private: also on this machine and in private networks.

    Raises:
        SourceError: it cannot be fetched.
    """
    from mmsearch_dagster.adapters.host.home import writing
    from mmsearch_dagster.adapters.remote_files.export_fetch import fetch_export

    content, copy = fetch_export(address, allow_private=allow_private), copy_of_file(address, folder)
    part = copy.with_suffix(f"{copy.suffix}.part")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(copy)
    return copy
