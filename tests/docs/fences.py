"""The fenced examples of a Markdown page."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Every page that a stranger may open.
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *(ROOT / name for name in ("assets/README.md", "deploy/README.md", "tests/bench/RESULTS.md")),
    ]
)

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r"# (?P<file>\S+) \((?P<where>[^)]+)\)\n")


@dataclass(frozen=True)
class Example:
    """One fenced block. file, where: what its first line says of its destination; empty without one."""

    language: str
    code: str
    file: str = ""
    where: str = ""


def examples(page: Path) -> Iterator[Example]:
    """Every fenced block of the page, in order; a first line `# FILE (WHERE)` names its destination."""
    for language, text in _FENCE.findall(page.read_text(encoding="utf-8")):
        title = _TITLE.match(text)
        if title is None:
            yield Example(language, text)
        else:
            yield Example(language, text[title.end() :], title["file"], title["where"])
