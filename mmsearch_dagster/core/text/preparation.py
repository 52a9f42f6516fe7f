"""Text preparation: what a person wrote becomes what the encoders and the full-text index read."""

import html
import re
import unicodedata
from collections.abc import Mapping, Sequence

_HIDDEN = re.compile(r"<(script|style)\b[^<>]*>.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
# A tag begins with a letter, so `3 < 4 > 2` keeps its signs.
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,500}>|<![^<>]{0,200}>")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_SPACE = re.compile(r"\s+")
_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u2300-\u23ff]")
# Soft hyphen, joiners, variation selector, byte order mark: inside a word, and not to be seen.
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200c\u200d\u2060\ufe0e\ufe0f\ufeff"))
_MODIFIER = re.compile("[\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff]")
# Entities inside entities: no honest text has more layers, a hostile one has thousands.
_LAYERS = 4
# Longer texts say nothing new to an encoder that reads 256 word pieces.
MAX_CHARACTERS = 4_000

_KANA = "\u3041-\u30ff\u31f0-\u31ff"
_HANGUL = "\uac00-\ud7a3\u1100-\u11ff"
_HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_LATIN = "A-Za-z\u00c0-\u024f\u1e00-\u1eff"
# In this order: Japanese has kana and Han, and a brand's name keeps its Latin letters in every language.
_SCRIPTS = {
    "ja": re.compile(f"[{_KANA}]"),
    "ko": re.compile(f"[{_HANGUL}]"),
    "zh": re.compile(f"[{_HAN}]"),
    "other": re.compile(rf"[^\W\d_{_KANA}{_HANGUL}{_HAN}{_LATIN}]"),
    "en": re.compile(f"[{_LATIN}]"),
}
# Most texts: printable ASCII without the signs of markup. Nothing has to be taken off them.
_PLAIN = re.compile(r"[ -%'-;=?-~]*")
# Words of a request that no product is found by, as the index's tokenizer cuts them. It drops English stop
# words itself; words that also name things (双, 买) stay.
STOP_WORDS = {
    "zh": frozenset((
        "请", "请问", "帮", "帮我", "给我", "找", "寻找", "想", "想要", "想买", "我想", "我要", "要一",
        "一个", "一双", "一件", "一条", "一只", "这个", "那个", "的", "了", "我", "吗", "呢", "吧", "有",
        "有没有", "没有", "是", "在", "和", "与", "或", "也", "就", "都", "还", "要", "给",
    )),
}  # fmt: skip


def clean(text: str) -> str:
    """NFKC, no HTML (tags, entities, scripts), no emoji, no control characters, single spaces.

    Never raises, at most MAX_CHARACTERS, and `clean(clean(text)) == clean(text)`. Emoji go because in a
    product's text they are ornament: read as words, they would make every bargain a fire.
    """
    text = text[: MAX_CHARACTERS * 4]
    for _ in range(_LAYERS):
        before, text = text, _peeled(text)
        if text == before:
            break
    else:
        text = _peeled(text.replace("&", " "))
    return text[:MAX_CHARACTERS].strip()


def _peeled(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return _SPACE.sub(" ", text).strip()
    normal = unicodedata.normalize("NFKC", html.unescape(text)).translate(_INVISIBLE)
    plain = _EMOJI.sub(" ", _TAG.sub(" ", _HIDDEN.sub(" ", normal)))
    printable = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in plain)
    return _SPACE.sub(" ", printable).strip()


def query_text(text: str) -> str:
    """A typed query as encoders and full-text search read it; empty when nothing is left.

    A query of emoji without a word is read by their Unicode names: a shoe means the word shoe.
    """
    return clean(_emoji_names(text[:MAX_CHARACTERS])) if is_wordless(text) else clean(text)


def is_wordless(text: str) -> bool:
    """Whether a text holds emoji, and no letter or digit."""
    return bool(_EMOJI.search(text)) and not _LETTER_OR_DIGIT.search(clean(text))


def _emoji_names(text: str) -> str:
    signs = [sign for sign in _EMOJI.findall(text) if not _MODIFIER.match(sign)]
    return " ".join(dict.fromkeys(unicodedata.name(sign, "").lower() for sign in signs))


def language_of(text: str) -> str:
    """A guess by the letters' scripts: zh, ja, ko, en (which stands for every Latin script), other (any that
    is none of these), or '' without letters. A fifth of the letters decide.

    >>> language_of("Nordvik 红色运动鞋"), language_of("赤い靴"), language_of("red shoes"), language_of("42")
    ('zh', 'ja', 'en', '')
    """
    counts = {language: len(script.findall(text)) for language, script in _SCRIPTS.items()}
    letters = sum(counts.values())
    return next((language for language, count in counts.items() if count and count >= letters / 5), "")


def without_stop_words(words: Sequence[str], language: str) -> list[str]:
    """The words that a product can be found by; all of them when no other is left."""
    stop = STOP_WORDS.get(language, frozenset())
    return [word for word in words if word not in stop] or list(words)


def fold(text: str) -> str:
    """Lower case without accents, as the full-text index compares words.

    >>> fold("Maréa"), fold("Weiß")
    ('marea', 'weiss')
    """
    if text.isascii():
        return text.lower()
    marks = unicodedata.normalize("NFKD", text.lower().replace("ß", "ss"))
    return unicodedata.normalize("NFKC", "".join(mark for mark in marks if not unicodedata.combining(mark)))


def category_words(category: str | None) -> list[str]:
    """`A > B > C` as its parts, most general first; of several paths (`A > B | A > C`) each part once."""
    parts = (part.strip() for part in re.split(r">| \| ", category or ""))
    return list(dict.fromkeys(part for part in parts if part))


def single_values(value: object) -> list[str]:
    """The values of one attribute, which exports put into one cell: `Track Pants|Leggings`.

    >>> single_values("Track Pants|Leggings")
    ['Track Pants', 'Leggings']
    """
    parts = (part.strip() for part in str(value or "").split("|"))
    return [part for part in parts if part]


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
