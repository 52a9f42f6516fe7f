"""The words of the code: names are the field's, and what takes an array, a table or a unit says so."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1] / "mmsearch_dagster"
# Words that name nothing: each has a better one (query, message, result, row, existing, position, ...).
_EMPTY_WORDS = {"asked", "told", "said", "found", "one", "own", "known", "place"}
_EMPTY_NAMES_PER_THOUSAND = 3.0
_DOCUMENTED_SHARE = 0.75
_DOCUMENTED_LAYERS = ("core", "serving", "adapters")
_SECTION = re.compile(r"^\s*(Args|Returns|Yields|Raises):\s*$", re.MULTILINE)
# Annotations of arrays and tables, and endings and whole names of arguments that carry a unit.
_ARRAYS = r"\b(ndarray|NDArray|Tensor|DataFrame|LazyFrame|Series|RecordBatch|pa\.\w+"
_UNITS = re.compile(r"(^|_)(seconds|pixels|hz|rate|bytes|ms|minutes|hours|days|width|height|side|size)$")


@cache
def parsed() -> list[tuple[Path, ast.Module]]:
    modules = sorted(ROOT.rglob("*.py"))
    return [(module, ast.parse(module.read_text(encoding="utf-8"), str(module))) for module in modules]


def bound_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of everything that a file binds.

    Assignments, loop and comprehension variables, arguments, functions, classes, attributes of `self`,
    `with ... as`, `except ... as` and `import ... as`.
    """
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name
            case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node.lineno, name
            case ast.ClassDef(name=name) | ast.ExceptHandler(name=str(name)):
                yield node.lineno, name
            case ast.alias(asname=str(name)):
                yield node.lineno, name
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield node.lineno, name


@cache
def words_of(name: str) -> frozenset[str]:
    """The words of a snake_case or CamelCase name, in lower case.

    >>> sorted(words_of("NotFound_byPlace"))
    ['by', 'found', 'not', 'place']
    """
    return frozenset(word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name))


def test_a_name_says_what_the_thing_is() -> None:
    names = [
        (f"{module.relative_to(ROOT)}:{line}", name)
        for module, tree in parsed()
        for line, name in bound_names(tree)
    ]

    empty = [f"{location} {name}" for location, name in names if words_of(name) & _EMPTY_WORDS]

    assert 1000 * len(empty) / len(names) <= _EMPTY_NAMES_PER_THOUSAND, "\n".join(empty)


def public_functions(body: list[ast.stmt]) -> Iterator[ast.FunctionDef]:
    """Public functions of a module, and public methods of its public classes."""
    for node in body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node.body)


def array_types() -> re.Pattern[str]:
    """The array and table types, and the package's own names for them (`Matrix = NDArray[np.float32]`)."""
    aliases = {
        target.id
        for _, tree in parsed()
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and node.value
        and re.match("NDArray|torch.Tensor", ast.unparse(node.value))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    return re.compile(rf"{_ARRAYS}|{'|'.join(sorted(aliases))})\b")


def carries_an_array_a_table_or_a_unit(function: ast.FunctionDef, arrays: re.Pattern[str]) -> bool:
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    annotations = [each.annotation for each in arguments] + [function.returns]
    written = [ast.unparse(annotation) for annotation in annotations if annotation is not None]
    return any(arrays.search(text) for text in written) or any(_UNITS.search(each.arg) for each in arguments)


def test_what_takes_or_returns_an_array_a_table_or_a_unit_says_so() -> None:
    arrays = array_types()
    functions = [
        (f"{module.relative_to(ROOT)}:{function.lineno} {function.name}", ast.get_docstring(function) or "")
        for module, tree in parsed()
        if module.relative_to(ROOT).parts[0] in _DOCUMENTED_LAYERS
        for function in public_functions(tree.body)
        if carries_an_array_a_table_or_a_unit(function, arrays)
    ]

    bare = [name for name, docstring in functions if not _SECTION.search(docstring)]

    share = 1 - len(bare) / len(functions)
    assert share >= _DOCUMENTED_SHARE, f"{share:.0%} of {len(functions)}; without:\n" + "\n".join(bare)
