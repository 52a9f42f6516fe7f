"""Exports with faults: written in many ways, then spoilt in a few rows, with the truth about the others."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass

_ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252")
_SEPARATORS = (",", ";", "\t", "|")
_ENDS = ("\n", "\r\n", "\r")
_WORDS = (
    "Mug", "café", "Größe", "5 cm", "100%", "O'Neill", "A & B", "x;y", "a,b", "p|q", "1/2", "n°5", "(new)",
    "#1", "naïve", "piñata", "50/50",
)  # fmt: skip
_WIDE = ("红色", "🎁", "ламп", "مصباح")
_ODD_CELLS = (
    "", " ", "NULL", "n/a", "-", "1e400", "-5", "1.2.3", "nan", "inf", "9" * 400, "=1+1", '="x"', "[1", "{",
    "\\", "<b>", "&#0;", "&amp;amp;", "true", "2024-13-45", "http://", "//", "../../etc/passwd", "a" * 20_000,
)  # fmt: skip


@dataclass(frozen=True)
class Malformed:
    """truth: id -> title and price of the rows that are as they were written. spoilt: ids of the others."""

    name: str
    content: bytes
    truth: dict[str, tuple[str, float]]
    spoilt: frozenset[str]


def malformed(seed: int) -> Malformed:
    """One export; the same for the same seed."""
    rng = random.Random(seed)
    encoding = rng.choice(_ENCODINGS)
    words = _WORDS if encoding == "cp1252" else (*_WORDS, *_WIDE)
    rows = {
        f"K{seed}-{number}": (_title(rng, words), round(rng.uniform(1, 900), 2))
        for number in range(rng.randrange(1, 25))
    }
    write = _json if rng.random() < 0.2 else _csv
    return write(rng, rows, encoding)


def _title(rng: random.Random, words: tuple[str, ...]) -> str:
    return " ".join(["T", *(rng.choice(words) for _ in range(rng.randrange(1, 4)))])


def _csv(rng: random.Random, rows: dict[str, tuple[str, float]], encoding: str) -> Malformed:
    separator, end = rng.choice(_SEPARATORS), rng.choice(_ENDS)
    quoted = rng.random() < 0.5

    def cell(text: str) -> str:
        unsafe = any(sign in text for sign in (*_SEPARATORS, '"', "\n", "\r"))
        doubled = text.replace('"', '""')
        return f'"{doubled}"' if quoted or unsafe else text

    def line(*cells: str) -> str:
        return separator.join(map(cell, cells))

    lines = {key: line(key, title, f"{price:.2f}") for key, (title, price) in rows.items()}
    faults = rng.sample(list(rows), k=min(len(rows), rng.choice((0, 0, 1, 1, 2, 4))))
    for key in faults:
        lines[key] = rng.choice(_FAULTS)(rng, lines[key], separator)
    header = line("sku", "name", "price")
    before = rng.choice(("", "", "", f"sep={separator}{end}", f"My shop{end}", end))
    after = rng.choice(("", end, end, f"{end}{end}", f"{end}Total{separator}{separator}1{end}"))
    text = before + end.join([header, *lines.values()]) + after
    content = text.encode(encoding, "replace")
    if encoding in ("utf-8", "utf-8-sig") and rng.random() < 0.1:
        cut = rng.randrange(len(content))
        content, faults = content[:cut], list(rows)
    truth = {key: row for key, row in rows.items() if key not in faults}
    return Malformed("p.csv", content, truth, frozenset(faults))


def _odd_cell(rng: random.Random, line: str, separator: str) -> str:
    cells = line.split(separator)
    cells[rng.randrange(1, len(cells))] = rng.choice(_ODD_CELLS)
    return separator.join(cells)


def _stray_quote(rng: random.Random, line: str, separator: str) -> str:
    place = rng.randrange(len(line) + 1)
    return f'{line[:place]}"{line[place:]}'


_FAULTS: tuple[Callable[[random.Random, str, str], str], ...] = (
    _odd_cell,
    _odd_cell,
    _stray_quote,
    lambda rng, line, separator: line[: rng.randrange(1, len(line))],
    lambda rng, line, separator: line + separator * rng.randrange(1, 9) + "x",
    lambda rng, line, separator: separator.join(["sku", "name", "price"]),
    lambda rng, line, separator: line.replace(separator, rng.choice(_SEPARATORS)),
    lambda rng, line, separator: f"{line[:3]}\x00\x07{line[3:]}",
    lambda rng, line, separator: f"{line}\n\n{separator}{separator}",
    lambda rng, line, separator: "",
)


def _json(rng: random.Random, rows: dict[str, tuple[str, float]], encoding: str) -> Malformed:
    records = {key: {"sku": key, "name": title, "price": price} for key, (title, price) in rows.items()}
    faults = rng.sample(list(rows), k=min(len(rows), rng.choice((0, 1, 2))))
    odd = (None, [], {}, 10**400, True, [[[]]], {"a": {"b": 1}}, "\ud800", -1.5, "")
    for key in faults:
        records[key][rng.choice(("name", "price"))] = rng.choice(odd)  # type: ignore[assignment]
    listed = list(records.values())
    if rng.random() < 0.5:
        text = "\n".join(json.dumps(record) for record in listed)
        text += rng.choice(("", "\n", "\n{", "\n[1]\nnull\n"))
        name = "p.ndjson"
    else:
        text = json.dumps(rng.choice((listed, {"products": listed}, {"a": {"b": listed}})))
        text = text if rng.random() < 0.9 else text[: rng.randrange(1, len(text))]
        name = "p.json"
    truth = {key: row for key, row in rows.items() if key not in faults}
    return Malformed(name, text.encode("utf-8", "replace"), truth, frozenset(faults))
