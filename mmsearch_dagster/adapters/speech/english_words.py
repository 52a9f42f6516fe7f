"""Whether an English word exists: the recogniser's dictionary holds 126,000 of them."""

from functools import cache
from pathlib import Path


def is_english(word: str) -> bool:
    """Whether the dictionary has the lower-case word; False where the dictionary is not installed."""
    return f"\n{word} " in _dictionary_text()


@cache
def _dictionary_text() -> str:
    try:
        from pocketsphinx import get_model_path

        file = Path(get_model_path()) / "en-us" / "cmudict-en-us.dict"
        return "\n" + file.read_text(encoding="utf-8")
    except (ImportError, OSError):
        return ""
