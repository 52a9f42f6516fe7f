"""In which encoding a text is written that is no UTF-8, by what its letters become in each."""

import re

WESTERN = "cp1252"
_OTHERS = ("cp1250", "cp1251", "mac_roman", "gb2312", "shift_jis", "euc_kr", "big5")
# What a text of the encoding is made of, besides English letters.
_SCRIPTS = {
    "cp1251": re.compile("[\u0410-\u044f\u0401\u0451№«»–—]"),
    "gb2312": re.compile("[\u4e00-\u9fff\u3000-\u303f\uff00-\uff60￥·—“”‘’…]"),
    "big5": re.compile("[\u4e00-\u9fff\u3000-\u303f\uff00-\uff60]"),
    "shift_jis": re.compile("[\u3040-\u30ff\u4e00-\u9fff\u3000-\u303f\uff00-\uff60]"),
    "euc_kr": re.compile("[\uac00-\ud7a3\u3000-\u303f\uff00-\uff60]"),
}
# The codec that also has the rarer letters of an encoding, which files of Windows hold.
_WIDER = {"gb2312": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949", "big5": "big5hkscs"}
# Signs inside a word, a capital behind a small letter, two scripts in a word. Signs of Chinese and Japanese
# have no blanks around them.
_ODD = re.compile(
    r"(?<=[^\W\d_])(?:[^\w\s\x00-\x7f’‘´·–—\u3000-\u303f\uff00-\uff65]|[¹²³¼½¾ªº])(?=[^\W\d_])|\b[¯³¿¼½¾†‡](?=[a-zß-ÿ])"
    r"|ƒ|(?<=[a-z])[À-ÖØ-ÞŠŒŽŸ]|[\u3040-\u9fff\uac00-\ud7a3][a-z]|[a-zA-Z][\u0400-\u045f]|[\u0400-\u045f][a-zA-Z]"
)
# In a language of the West no four letters in a row are other than English ones.
_RUN = re.compile(r"[^\x00-\x7f]{4,}")
_ENGLISH = re.compile(r"[\x00-\x7f]+")
# Odd places for each other letter: below the first it is Western, below the second it is the encoding.
_WESTERN_ODD, _OTHER_ODD = 0.2, 0.05


def encodings_of(content: bytes) -> list[str]:
    """The encodings in which the text looks like words; one where it is clear.

    Args:
        content: text that is no UTF-8, perhaps cut at the end.

    Returns:
        Names of codecs, none where no reading looks like words.
    """
    western = _oddities(content, WESTERN)
    if western is not None and western < _WESTERN_ODD:
        return [WESTERN]
    scores = {name: _oddities(content, name) for name in _OTHERS}
    return [name for name, score in scores.items() if score is not None and score < _OTHER_ODD]


def wider(encoding: str) -> str:
    """The codec that a text of this encoding is read with: with its rarer letters.

    >>> wider("gb2312"), wider("cp1252")
    ('gb18030', 'cp1252')
    """
    return _WIDER.get(encoding, encoding)


def decoded_head(content: bytes, encoding: str) -> str | None:
    """The text but for a letter that is cut at the end; None where the bytes are none of the encoding."""
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        return None if error.start < len(content) - 3 else content[: error.start].decode(encoding)


def _oddities(content: bytes, encoding: str) -> float | None:
    text = decoded_head(content, wider(encoding))
    if text is None:
        return None
    letters = _ENGLISH.sub("", text)
    odd = len(_ODD.findall(text))
    if encoding in _SCRIPTS:
        usual = set(letters.encode(encoding, "ignore").decode(encoding))
        odd += sum(1 for sign in letters if sign not in usual or not _SCRIPTS[encoding].match(sign))
    else:
        odd += sum(map(len, _RUN.findall(text)))
    return odd / max(len(letters), 1)
