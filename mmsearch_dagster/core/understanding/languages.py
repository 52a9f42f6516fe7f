"""How people ask in further languages of Europe, and which of them a catalogue is written in.

Bounds with a currency and words of stock say what they say in every shop. What is ambiguous beside English
(`sin`, `non`, `tot`) counts only where the catalogue is written in that language.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mmsearch_dagster.core.text.preparation import fold


@dataclass(frozen=True)
class QueryLanguage:
    """Words of one language; all but `function_words` are parts of regular expressions.

    function_words: folded; no product is found by them. under, up_to, over, at_least: stand before a bound
    of the price, the bound itself not part of it, or part of it. between: two pairs of words around two
    numbers. without: what is not wanted stands behind it. denies: so it does, where it is a value of the
    catalogue; it denies much else. in_stock, cheap: as they are.
    """

    function_words: frozenset[str]
    under: str
    up_to: str
    over: str
    at_least: str
    between: tuple[tuple[str, str], ...]
    without: str
    in_stock: str
    cheap: str
    denies: str = r"(?!)"


def _words(text: str) -> frozenset[str]:
    return frozenset(fold(text).split())


LANGUAGES: Mapping[str, QueryLanguage] = {
    "de": QueryLanguage(
        _words(
            "der die das den dem des ein eine einen einem einer und oder mit ohne für aus von vom zu zum zur "
            "im am auf bei nach ist sind auch nicht kein keine keinen ich suche brauche bitte etwas"
        ),
        under=r"unter|weniger\s+als|(?:billiger|günstiger|guenstiger)\s+als",
        up_to=r"bis(?:\s+zu)?|höchstens|maximal|nicht\s+mehr\s+als",
        over=r"über|ueber|mehr\s+als|teurer\s+als",
        at_least=r"ab|mindestens",
        between=((r"zwischen", r"und"), (r"von", r"bis")),
        without=r"ohne|nicht|kein(?:e[nrms]?)?|außer|ausser",
        in_stock=r"(?:sofort\s+)?(?:auf\s+lager|lieferbar|vorrätig)",
        cheap=r"billig(?:e[nrms]?)?|günstig(?:e[nrms]?)?|preiswert(?:e[nrms]?)?",
    ),
    "fr": QueryLanguage(
        _words(
            "le la les un une des du de d l et ou avec sans pour dans sur en au aux est sont pas ne je "
            "cherche veux un quelque chose qui que à"
        ),
        under=r"(?:à\s+)?moins\s+(?:cher\s+que|de)|(?:en|au)[\s-]+dessous\s+de|inférieur\s+à",
        up_to=r"jusqu(?:['’]|\s)?[àa]|pas\s+plus\s+de|maximum",
        over=r"plus\s+(?:cher\s+que|de)|au[\s-]+dessus\s+de|supérieur\s+à",
        at_least=r"[àa]\s+partir\s+de|d[èe]s|au\s+moins",
        between=((r"entre", r"et"), (r"de", r"[àa]")),
        without=r"sans|sauf|pas(?:\s+de)?",
        in_stock=r"en\s+stock|disponibles?",
        cheap=r"pas\s+ch(?:er|ère)s?|bon\s+marché",
    ),
    "es": QueryLanguage(
        _words(
            "el la los las un una unos unas de del y o con sin para por en al es son no busco quiero "
            "que a"
        ),
        under=r"menos\s+de|por\s+debajo\s+de|más\s+barat[oa]s?\s+que",
        up_to=r"hasta|(?:como\s+)?m[áa]ximo|no\s+m[áa]s\s+de",
        over=r"m[áa]s\s+de|por\s+encima\s+de",
        at_least=r"desde|a\s+partir\s+de|(?:como\s+)?m[íi]nimo|al\s+menos",
        between=((r"entre", r"y"), (r"de", r"a")),
        without=r"sin|excepto",
        denies=r"no",
        in_stock=r"en\s+stock|disponibles?",
        cheap=r"barat[oa]s?|econ[óo]mic[oa]s?",
    ),
    "it": QueryLanguage(
        _words(
            "il lo la i gli le un uno una di del della dei delle e o con senza per in nel nella da al è sono "
            "non cerco vorrei che a"
        ),
        under=r"meno\s+di|sotto(?:\s+(?:i|gli))?|inferiore\s+a",
        up_to=r"fino\s+a|al\s+massimo|massimo|non\s+più\s+di",
        over=r"pi[ùu]\s+di|oltre|sopra(?:\s+(?:i|gli))?|superiore\s+a",
        at_least=r"a\s+partire\s+da|da|almeno",
        between=((r"tra|fra", r"e"), (r"da", r"a")),
        without=r"senza|tranne",
        denies=r"non",
        in_stock=r"disponibil[ei]",
        cheap=r"economic[oaie]|a\s+buon\s+mercato",
    ),
    "nl": QueryLanguage(
        _words(
            "de het een en of met zonder voor van in op aan bij uit te is zijn niet geen ik zoek wil "
            "graag"
        ),
        under=r"onder(?:\s+de)?|minder\s+dan|goedkoper\s+dan",
        up_to=r"tot|maximaal|hoogstens|niet\s+meer\s+dan",
        over=r"boven(?:\s+de)?|meer\s+dan|duurder\s+dan",
        at_least=r"vanaf|minstens|minimaal",
        between=((r"tussen", r"en"), (r"van", r"tot")),
        without=r"zonder|geen|niet|behalve",
        in_stock=r"op\s+voorraad|leverbaar",
        cheap=r"goedkope?",
    ),
    "pt": QueryLanguage(
        _words(
            "o a os as um uma uns umas de do da dos das e ou com sem para por em no na ao é são não procuro "
            "quero que"
        ),
        under=r"menos\s+de|abaixo\s+de|mais\s+barat[oa]s?\s+(?:do\s+)?que",
        up_to=r"até|no\s+máximo|não\s+mais\s+de",
        over=r"mais\s+de|acima\s+de",
        at_least=r"a\s+partir\s+de|desde|pelo\s+menos",
        between=((r"entre", r"e"), (r"de", r"a")),
        without=r"sem|exceto|não",
        in_stock=r"em\s+estoque|em\s+stock|disponíve(?:l|is)",
        cheap=r"barat[oa]s?|econ[ôo]mic[oa]s?",
    ),
}  # fmt: skip
# Words that tell a language: frequent, and in no other language of the list, in English or in many names.
_TELLING: Mapping[str, frozenset[str]] = {
    "de": _words("und mit ohne oder aus zum zur auf ist eine einem einer nicht"),
    "fr": _words("et avec sans pour dans est vous votre une aux ses cette"),
    "es": _words("para los las sin una por más muy este esta"),
    "it": _words("della senza nella gli dei delle questo anche più"),
    "nl": _words("met voor zonder een het van niet deze ook wordt"),
    "pt": _words("com para sem uma dos das não você mais"),
}
# So many different words have to be there, in so large a share of the products together.
_LEAST_WORDS, _LEAST_SHARE = 3, 0.05


def languages_of(frequency: Mapping[str, int], documents: int) -> tuple[str, ...]:
    """The languages that the texts of a catalogue are written in, besides English and Chinese.

    Args:
        frequency: folded word -> products that have it.
        documents: number of products.
    """
    spoken: list[str] = []
    for name, words in _TELLING.items():
        counts = [frequency[word] for word in words if word in frequency]
        if len(counts) >= _LEAST_WORDS and sum(counts) >= _LEAST_SHARE * documents:
            spoken.append(name)
    return tuple(spoken)


def any_of(expressions: Iterable[str]) -> str:
    """One regular expression for whole words, the longer alternatives of a language first."""
    return rf"(?<![\w-])(?:{'|'.join(expressions)})(?![\w-])"


IN_STOCK = re.compile(any_of(language.in_stock for language in LANGUAGES.values()), re.IGNORECASE)
CHEAP = re.compile(any_of(language.cheap for language in LANGUAGES.values()), re.IGNORECASE)
