"""One object of s3:// or gs://, through fsspec; its drivers take credentials from the environment."""

from typing import Any

from mmsearch_dagster.adapters.remote_files.fetching import Fetched, FetchError, Validators
from mmsearch_dagster.core.catalog.mapping.remote_media import RemoteMedia

_DRIVERS = {"s3": "s3fs", "gs": "gcsfs"}


def fetch_object(address: str, held: Validators, media: RemoteMedia) -> Fetched:
    """The bytes of an object, or that the held copy is still the same.

    Raises:
        FetchError: with a reason for a person.
    """
    system = _file_system(address.partition("://")[0].lower())
    try:
        facts = system.info(address)
        given = Validators(etag=_etag(facts))
        if given.etag and given.etag == held.etag:
            return Fetched(None, given)
        if (facts.get("size") or 0) > media.max_bytes:
            raise FetchError(f"larger than {media.max_megabytes:g} MB", lasting=True)
        with system.open(address, "rb") as file:
            content = file.read(media.max_bytes + 1)
    except FileNotFoundError as error:
        raise FetchError("there is no such object", lasting=True) from error
    except PermissionError as error:
        raise FetchError("the credentials of this environment may not read it", lasting=True) from error
    except FetchError:
        raise
    except Exception as error:  # each driver has its own family of errors
        raise FetchError(f"the store does not answer ({type(error).__name__})", host_down=True) from error
    if len(content) > media.max_bytes:
        raise FetchError(f"larger than {media.max_megabytes:g} MB", lasting=True)
    return Fetched(content, given)


def _file_system(scheme: str) -> Any:
    import fsspec

    try:
        return fsspec.filesystem(scheme)
    except ImportError as error:
        raise FetchError(
            f"{scheme}:// needs {_DRIVERS[scheme]}: pip install 'mmsearch-dagster[object-stores]'"
        ) from error


def _etag(facts: dict[str, Any]) -> str | None:
    """Whatever the store changes with the content."""
    name = next((key for key in ("ETag", "etag", "md5Hash", "mtime", "LastModified") if facts.get(key)), None)
    return None if name is None else str(facts[name])
