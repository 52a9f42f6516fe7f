"""Words for colours and people, and which attributes of a catalogue hold them."""

from collections.abc import Mapping

from mmsearch_dagster.core.text.preparation import fold
from mmsearch_dagster.core.understanding.understood import ATTRIBUTE, COLOUR, GENDER, SIZE

# What the same colour and the same people are called in both languages; the catalogue decides which are used.
COLOURS: Mapping[str, tuple[str, ...]] = {
    "red": ("红色", "红"), "orange": ("橙色",), "yellow": ("黄色",), "green": ("绿色",),
    "turquoise": ("青色",), "blue": ("蓝色",), "navy": ("深蓝色",), "purple": ("紫色",),
    "pink": ("粉色", "粉红色"), "brown": ("棕色",), "beige": ("米色",),
    "black": ("黑色",), "white": ("白色",), "grey": ("灰色", "gray"), "gold": ("金色",),
    "silver": ("银色",),
}  # fmt: skip
GENDERS: Mapping[str, tuple[str, ...]] = {
    "men": ("man", "mens", "men's", "male", "him", "男士", "男款", "男式", "男"),
    "women": ("woman", "womens", "women's", "female", "her", "ladies", "lady", "女士", "女款", "女式", "女"),
    "kids": ("kid", "kid's", "children", "children's", "child", "儿童"),
    "girls": ("girl", "girl's"),
    "boys": ("boy", "boy's"),
}
_KINDS: Mapping[str, str] = {
    **dict.fromkeys(("color", "colour", "farbe", "couleur", "colore", "cor", "kleur", "颜色"), COLOUR),
    **dict.fromkeys(("gender", "sex", "geschlecht", "geslacht", "性别"), GENDER),
    **dict.fromkeys(
        ("size", "größe", "groesse", "taille", "talla", "taglia", "tamanho", "maat", "尺码", "尺寸"), SIZE
    ),
}


def meanings(lexicon: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """How a value is written, folded -> what it is called.

    >>> meanings({"grey": ("Gray",)})
    {'grey': 'grey', 'gray': 'grey'}
    """
    return {fold(form): value for value, forms in lexicon.items() for form in (value, *forms)}


def kind_of_key(key: str) -> str:
    """What an attribute of this key says: its colour, for whom it is, its size, or something of its own.

    >>> kind_of_key("Color")
    'colour'
    """
    return _KINDS.get(key.casefold(), ATTRIBUTE)
