"""The file that describes a campaign."""

from pathlib import Path

from mmsearch_dagster.core.errors import QueryError, reason_of
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.core.suggest import did_you_mean
from mmsearch_dagster.core.yaml_text import load_yaml

_KEYS = ("text", "picture")
_LARGEST_BYTES = 1_000_000


def read_campaign(file: Path) -> Query:
    """The query that a campaign's file describes; a picture's path is relative to the file.

    Raises QueryError for a file that cannot be read, unknown keys (with the nearest known one) and an empty
    campaign.
    """
    try:
        if file.stat().st_size > _LARGEST_BYTES:
            raise QueryError(f"campaign {file} is larger than 1 MB: it holds words and the path of a picture")
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise QueryError(f"campaign {file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise QueryError(f"campaign {file} is not UTF-8: {error}") from error
    fields = load_yaml(text, f"campaign {file}", QueryError)
    if not isinstance(fields, dict) or not fields:
        raise QueryError(f"campaign {file} needs `text` and/or `picture`")
    for key in fields:
        if key not in _KEYS:
            raise QueryError(f"campaign {file}: unknown key '{key}', {did_you_mean(str(key), _KEYS)}")
    words, picture = fields.get("text"), fields.get("picture")
    if not all(value is None or isinstance(value, str) for value in (words, picture)):
        raise QueryError(f"campaign {file}: `text` and `picture` are texts")
    try:
        image = (file.parent / picture).read_bytes() if picture else None
    except (OSError, ValueError) as error:
        raise QueryError(
            f"campaign {file}: its picture {picture} cannot be read: {reason_of(error)}"
        ) from error
    return Query(text=words, image=image)
