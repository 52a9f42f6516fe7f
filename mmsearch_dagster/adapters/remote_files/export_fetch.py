"""An export that lies at an address: fetched by the same door as pictures, with larger limits."""

from urllib.parse import urlsplit

from mmsearch_dagster.adapters.remote_files.fetching import Fetched, FetchError, Validators
from mmsearch_dagster.adapters.remote_files.http_fetch import HttpFetcher
from mmsearch_dagster.adapters.remote_files.object_fetch import fetch_object
from mmsearch_dagster.core.catalog.mapping.remote_media import OBJECT_STORES, WEB, RemoteMedia
from mmsearch_dagster.core.errors import SourceError

_MEGABYTES, _SECONDS = 1000.0, 600.0
# A page in place of a file: a login, an error.
_PAGES = ("text/html", "application/xhtml", "multipart/")


def fetch_export(address: str, *, allow_private: bool = False) -> bytes:
    """The bytes of a file at an address of http, https, s3 or gs.

    Args:
        address: where it lies.
        allow_private: also on this machine and in private networks.

    Raises:
        SourceError: it cannot be fetched; the message says why and what to do.
    """
    limits = RemoteMedia(allow_private=allow_private, max_megabytes=_MEGABYTES, seconds=_SECONDS)
    try:
        if urlsplit(address).scheme.lower() in OBJECT_STORES:
            fetched = fetch_object(address, Validators(), limits)
        else:
            fetched = _by_http(address, limits)
    except (FetchError, ValueError) as error:
        private = " (a private network? --allow-private)" if "no public address" in str(error) else ""
        raise SourceError(
            f"{_shown(address)}: cannot be fetched ({error}){private}; or download it and give its path"
        ) from error
    assert fetched.content is not None  # nothing was held
    return fetched.content


def _by_http(address: str, limits: RemoteMedia) -> Fetched:
    fetcher = HttpFetcher(limits, refused=_refused, other_kinds=_PAGES, wanted="export")
    try:
        return fetcher.fetch(address, Validators())
    finally:
        fetcher.close()


def _refused(address: str) -> str | None:
    parts = urlsplit(address)
    if parts.scheme.lower() not in WEB or not parts.hostname:
        return "it is no address of http or https"
    if parts.username is not None or parts.password is not None:
        return "it holds a user or a password: addresses are stored and shown"
    return None


def _shown(address: str) -> str:
    """The address without a user, a password and a query, which may hold a key."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
