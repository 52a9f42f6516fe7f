"""Text preparation: what a person wrote becomes what the encoders and the full-text index read."""

import html
import re
import unicodedata
from collections.abc import Mapping, Sequence

_TAG = re.compile(r"<[^<>]{1,200}>")
_SPACE = re.compile(r"\s+")
# Pictographs carry no words; the variation selector and the joiner only glue them together.
_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f\u200d]")
# Longer texts say nothing new to an encoder that reads 256 word pieces.
MAX_CHARACTERS = 4_000


def clean(text: str) -> str:
    """NFKC, no HTML, no emoji, no control characters, single spaces."""
    unescaped = html.unescape(text[: MAX_CHARACTERS * 4])
    plain = _EMOJI.sub(" ", _TAG.sub(" ", unescaped))
    normal = unicodedata.normalize("NFKC", plain)
    printable = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in normal)
    return _SPACE.sub(" ", printable).strip()[:MAX_CHARACTERS]


def query_text(text: str) -> str:
    """A typed query as encoders and full-text search read it; empty when nothing is left."""
    return clean(text)


def category_words(category: str | None) -> list[str]:
    """`A > B > C` as its parts, most general first."""
    return [part.strip() for part in (category or "").split(">") if part.strip()]


def item_text(
    title: str | None,
    *,
    brand: str | None = None,
    category: str | None = None,
    attributes: Sequence[Mapping[str, str]] = (),
    description: str | None = None,
) -> str:
    """One product as one text: title first, then what is known about it, then its description."""
    values = [str(pair["value"]) for pair in attributes if pair.get("value")]
    parts = [
        title or "",
        brand or "",
        " ".join(category_words(category)),
        " ".join(values),
        description or "",
    ]
    return clean(". ".join(dict.fromkeys(part.strip() for part in parts if part.strip())))
