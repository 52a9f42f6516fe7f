"""What README and docs say is there: links, commands, options, files, assets, variables."""

import io
import re
import shlex
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.docs.fences import PAGES, ROOT
from tests.test_layers import _HOMES, _MAY_IMPORT

README = ROOT / "README.md"
MOST_WORDS = 1200
CODE = [path for folder in ("mmsearch_dagster", "tests") for path in sorted((ROOT / folder).rglob("*.py"))]
REVIEWED = [
    path
    for folder in ("assets", "deploy")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".yaml", ".yml", ".tpl", ".md", ".sh"} or path.name == "Dockerfile"
]
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
# Where the files of the repository begin; anything else in backticks may be somebody's own.
_FOLDERS = ("assets/", "deploy/", "docs/", "tests/", "mmsearch_dagster/")
_PATH = re.compile(rf"(?<![\w./])(?:{'|'.join(_FOLDERS)})[\w./-]*\w/?")
_DOCUMENT = re.compile(r"\b(?:DESIGN|STACK|HOUSE|BRIEF|NOTES|ROADMAP|PLAN)\b|\bissue \d+|\.\./shared\b")
_MODULE = re.compile(
    r"(?<![\w./])(?:core|adapters|serving|pipeline|demo_shop|api|cli|defs)(?:\.[a-zA-Z_]\w*)+(?![\w(/*-])"
)
_VARIABLE = re.compile(r"MMSEARCH_[A-Z_]+")
_ADDRESS = re.compile(r"\w+://\S+")
_MARKDOWN = re.compile(r"(?<![\w*.{/:-])[\w./-]+\.md\b")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    kept = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
    return kept.replace(" ", "-")


def commands(page: Path) -> Iterator[list[str]]:
    """Every `mmsearch ...` of the page, in words: those in shell blocks and those in backticks."""
    text = page.read_text(encoding="utf-8")
    shell = [line for block in _SHELL.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    for line in [*shell, *_INLINE.findall(_FENCED.sub("", text))]:
        words = shlex.split(line.strip(), comments=True)
        if words and words[0].rpartition("/")[2] == "mmsearch" and len(words) > 1:
            yield words[1:]


@pytest.fixture(scope="module")
def tree() -> Any:
    from mmsearch_dagster.cli.main import app

    return typer.main.get_command(app)


def test_the_readme_is_read_in_five_minutes() -> None:
    assert len(README.read_text(encoding="utf-8").split()) <= MOST_WORDS


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link}: there is no such file"
        if anchor:
            headings = _HEADING.findall(_FENCED.sub("", target.read_text(encoding="utf-8")))
            assert anchor in {slug(heading) for heading in headings}, f"{link}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_exists_with_its_options(page: Path, tree: Any) -> None:
    for words in commands(page):
        command, rest = tree, list(words)
        while rest and (subcommands := getattr(command, "commands", None)) and not rest[0].startswith("-"):
            assert rest[0] in subcommands, f"mmsearch {' '.join(words)}: no such command"
            command = subcommands[rest.pop(0)]
        options = {name for one in command.params for name in (*one.opts, *one.secondary_opts)} | {"--help"}
        asked = {word.partition("=")[0].strip("[]") for word in rest if word.strip("[").startswith("--")}
        assert asked <= options, f"mmsearch {' '.join(words)}: no such option {asked - options}"


def test_the_readme_names_every_command(tree: Any) -> None:
    assert set(tree.commands) <= {words[0] for words in commands(README)}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_make_target_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE))

    assert named <= targets


# The changelog names what was.
@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=name_of)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    text = _FENCED.sub("", page.read_text(encoding="utf-8"))

    missing = {
        path for span in _INLINE.findall(text) for path in _PATH.findall(span) if not (ROOT / path).exists()
    }

    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_variable_is_one_that_something_reads(page: Path) -> None:
    assert set(_VARIABLE.findall(page.read_text(encoding="utf-8"))) <= variables()


@cache
def variables() -> set[str]:
    """What code and reviewed files call the variables of the environment."""
    files = [path for path in (*CODE, *REVIEWED) if path.suffix != ".md"]
    return {name for path in files for name in _VARIABLE.findall(path.read_text(encoding="utf-8"))}


@pytest.mark.slow
def test_every_asset_has_its_place_in_the_architecture() -> None:
    from mmsearch_dagster.defs.loading import everything

    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page[page.index("## The asset graph") : page.index("## The layers")]
    assets = {key.to_user_string() for key in everything().resolve_asset_graph().get_all_asset_keys()}

    named = {
        name
        for row in table.splitlines()
        if row.startswith("|")
        for name in re.findall(r"`(\w+)`", row.split("|")[2])
    }

    assert named == assets


def test_every_layer_and_every_library_with_a_home_has_its_place_in_the_architecture() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page[page.index("## The layers") : page.index("## The data contract")]
    libraries = section.lower().replace(" ", "")

    assert not {name for name in _MAY_IMPORT if f"`{name}`" not in section} - {"__init__"}
    assert not {name for name in _HOMES if name.replace("_", "") not in libraries}


def test_every_folder_has_its_line_in_the_architecture() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page[page.index("### What is in each folder") : page.index("### Each outside library")]
    package = ROOT / "mmsearch_dagster"
    folders = {path.parent.relative_to(package).as_posix() for path in package.rglob("__init__.py")}

    # `adapters` holds folders only.
    assert set(re.findall(r"^\| `([\w/]+)`", section, re.MULTILINE)) == folders - {".", "adapters"} | {
        package.name
    }


def test_no_line_cites_a_document_that_is_not_in_the_repository() -> None:
    cited = {name_of(path): strange_documents(path) for path in (*CODE, *REVIEWED, *PAGES)}

    assert not {name: documents for name, documents in cited.items() if documents}


def strange_documents(path: Path) -> set[str]:
    """Documents and pages that a file names and that are not there."""
    if path == Path(__file__):
        return set()  # names them to look for them
    pages = named(_MARKDOWN, path)
    missing = {name for name in pages if not any((base / name).exists() for base in path.parents)}
    return missing | named(_DOCUMENT, path)


def test_every_module_that_a_comment_names_exists() -> None:
    missing = {
        name_of(path): names
        for path in CODE
        if (names := [name for name in named(_MODULE, path) if not is_there(name)])
    }

    assert not missing


def is_there(name: str) -> bool:
    """Whether a dotted name leads to a folder, a module, or a name in it."""
    place, parts = ROOT / "mmsearch_dagster", name.split(".")
    while parts and (place / parts[0]).is_dir():
        place /= parts.pop(0)
    if not parts:
        return True
    module = place / f"{parts.pop(0)}.py"
    return module.is_file() and (not parts or parts[0] in module.read_text(encoding="utf-8"))


def named(pattern: re.Pattern[str], path: Path) -> set[str]:
    """What a pattern finds in a page, or in comments and texts of a Python file, addresses apart.

    Names in the code itself are no citations.
    """
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py" and pattern.search(text):
        text = comments(text)
    return set(pattern.findall(_ADDRESS.sub("", text)))


@cache
def comments(code: str) -> str:
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    return "\n".join(one.string for one in tokens if one.type in (tokenize.COMMENT, tokenize.STRING))


def test_the_licence_is_the_one_that_the_package_names() -> None:
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")

    assert "Apache License" in licence
    assert "Version 2.0, January 2004" in licence
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_changelog_begins_with_the_version_of_the_package() -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    newest = re.search(r"^## \[?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)

    assert version is not None
    assert newest is not None
    assert newest[1] == version[1]


def test_every_column_of_the_contract_and_every_key_of_a_mapping_stands_in_your_shop() -> None:
    from mmsearch_dagster.core.catalog.mapping.column import ColumnMapping
    from mmsearch_dagster.core.catalog.mapping.source_mapping import TableFile
    from mmsearch_dagster.core.catalog.schemas import TABLES

    page = (ROOT / "docs" / "your-shop.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([^`\n]+)`", page))

    columns = {column for schema in TABLES.values() for column in schema}
    assert not (columns | set(ColumnMapping.model_fields) | set(TableFile.model_fields)) - named


def test_the_example_of_a_mapping_is_one() -> None:
    from mmsearch_dagster.core.catalog.mapping.source_mapping import parse_source

    page = (ROOT / "docs" / "your-shop.md").read_text(encoding="utf-8")
    examples = [
        text for text in re.findall(r"^```yaml\n(.*?)^```$", page, re.M | re.S) if "catalogue:" in text
    ]

    assert len(examples) >= 2
    for text in examples:
        parse_source(text, "docs/your-shop.md")
