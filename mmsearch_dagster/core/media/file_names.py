"""The ways in which the name of a media file may be written on a disk."""

import unicodedata
from urllib.parse import unquote

from mmsearch_dagster.core.catalog.row_rules import escapes_root


def spellings(uri: str) -> list[str]:
    """Relative names that a uri can mean, in the order in which they are tried; none for what lies elsewhere.

    As it is written; with its letters composed or decomposed, as other systems store them; with slashes for
    backslashes; with percent signs decoded.

    Args:
        uri: a name below the folder of the media.

    Returns:
        The names; none of them leaves the folder.
    """
    slashed = uri.replace("\\", "/")
    written = [uri, slashed, unquote(slashed)]
    forms = [unicodedata.normalize(form, name) for name in written for form in ("NFC", "NFD")]
    return [name for name in dict.fromkeys([*written, *forms]) if _stays(name)]


def _stays(name: str) -> bool:
    """Whether a name is below its folder: no other root, drive or scheme, and no way up."""
    elsewhere = name.startswith(("/", "\\")) or "://" in name or name[1:2] == ":" or "\x00" in name
    return not elsewhere and not escapes_root(name)
