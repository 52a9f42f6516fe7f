"""A file of queries: with or without grades, in any script, with rows that cannot be used."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mmsearch_dagster.adapters.sources.query_list import read_query_list
from mmsearch_dagster.core.errors import SourceError


def written(folder: Path, text: str, name: str = "queries.csv") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_queries_without_products_are_read_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = read_query_list(written(tmp_path, "query_id,query_text\nz,red shirt\na,blue hat\n"))
    assert [(one.query_id, one.text, one.image) for one in found.queries] == [
        ("z", "red shirt", None),
        ("a", "blue hat", None),
    ]
    assert found.grades == {}
    assert found.left_out == ()


def test_ids_and_words_in_any_script(tmp_path: Path) -> None:
    lines = [{"query_id": "запрос-家", "query_text": "červené 靴 👟"}, {"query_id": "é", "query_text": "ñ"}]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    found = read_query_list(written(tmp_path, text, "Fragen ö.ndjson"))
    assert [one.query_id for one in found.queries] == ["запрос-家", "é"]
    assert found.queries[0].text == "červené 靴 👟"


def test_what_is_asked_twice_in_two_splits_is_answered_twice(tmp_path: Path) -> None:
    rows = "query_id,query_text,split\n1,red shirt,train\n2,Red shirt,test\n"
    found = read_query_list(written(tmp_path, rows))
    assert [one.query_id for one in found.queries] == ["1", "2"]
    assert found.left_out == ()


def test_grades_are_gathered_by_query(tmp_path: Path) -> None:
    rows = "query_id\tquery_text\tproduct_id\tgrade\n1\tx\tp\t3\n1\tx\tq\t1\n2\ty\tp\t0\n"
    found = read_query_list(written(tmp_path, rows, "q.tsv"), graded=True)
    assert [one.query_id for one in found.queries] == ["1", "2"]
    assert found.grades == {"1": {"p": 3, "q": 1}, "2": {"p": 0}}


def test_pictures_are_read_beside_the_file_or_below_the_given_root(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "media"):
        folder.mkdir(exist_ok=True)
        (folder / "a.png").write_bytes(folder.name.encode())
    file = written(tmp_path, "query_id,query_text,image\n1,,a.png\n")
    assert read_query_list(file).queries[0].image == tmp_path.name.encode()
    assert read_query_list(file, root=tmp_path / "media").queries[0].image == b"media"


def test_an_unreadable_picture_is_told_and_the_words_are_still_asked(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    rows = "query_id,query_text,image\n1,words,gone.png\n2,,gone.png\n3,,folder\n4,fine,\n"
    found = read_query_list(written(tmp_path, rows))
    assert [(one.query_id, one.text, one.image) for one in found.queries] == [
        ("1", "words", None),
        ("2", None, None),
        ("3", None, None),
        ("4", "fine", None),
    ]
    assert [f"query {key}" in told for key, told in zip("123", found.unread, strict=True)] == [True] * 3
    assert all("cannot be read" in told for told in found.unread)


@pytest.mark.parametrize("form", [str, Path.as_uri, lambda path: f"../{path.parent.name}/{path.name}"])
def test_a_picture_is_read_wherever_its_path_leads(form: Callable[[Path], str], tmp_path: Path) -> None:
    """The list is the caller's own: he may read what he names."""
    picture = tmp_path / "far away" / "红 50%.png"
    for folder in (picture.parent, tmp_path / "lists"):
        folder.mkdir()
    picture.write_bytes(b"red")
    file = written(
        tmp_path / "lists", f"query_id,query_text,image,audio\n1,,{form(picture)},{form(picture)}\n"
    )
    found = read_query_list(file)
    assert (found.queries[0].image, found.queries[0].audio) == (b"red", b"red")
    assert found.left_out == ()


def test_a_relative_path_is_tried_in_every_folder_that_may_be_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, lists, here, media = folders = [tmp_path / name for name in ("root", "lists", "here", "media")]
    for folder in folders:
        folder.mkdir()
        (folder / "a.png").write_bytes(folder.name.encode())
    file = written(lists, "query_id,query_text,image\n1,,a.png\n")
    monkeypatch.chdir(here)
    for folder in folders:
        found = read_query_list(file, root=root, media_root=media)
        assert found.queries[0].image == folder.name.encode()
        (folder / "a.png").unlink()
    (told,) = read_query_list(file, root=root, media_root=media).unread
    tried = ", ".join(str(folder / "a.png") for folder in folders)
    assert told == f"query 1: picture a.png cannot be read; tried {tried}"


def test_an_address_on_the_network_and_an_empty_file_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    rows = "query_id,query_text,image\n1,,https://shop.example/a.png\n2,,empty.png\n"
    address, empty = read_query_list(written(tmp_path, rows)).unread
    assert address.endswith(
        "shop.example/a.png cannot be read: it is no file here; save it and give its path"
    )
    assert empty.endswith("empty.png cannot be read: it is empty (0 bytes)")


def test_a_row_without_id_words_and_picture_is_left_out_with_its_place(tmp_path: Path) -> None:
    found = read_query_list(written(tmp_path, "query_id,query_text\n,nameless\n2,\n3,good\n"))
    assert [one.query_id for one in found.queries] == ["3"]
    assert len(found.left_out) == 2
    assert "row 1" in found.left_out[0]
    assert "row 2" in found.left_out[1]


@pytest.mark.parametrize(
    ("header", "graded", "told"),
    [
        ("query_ident,query_text", False, "no column 'query_id'; did you mean 'query_ident'?"),
        ("query_id,query_text,grade", True, "no column 'product_id'"),
        ("query_id,query_text,product_id,grades", True, "no column 'grade'; did you mean 'grades'?"),
        ("query_id,words", False, "none of query_text, image, audio"),
    ],
)
def test_a_missing_column_is_told_with_the_file_and_the_nearest_name(
    header: str, graded: bool, told: str, tmp_path: Path
) -> None:
    file = written(tmp_path, f"{header}\n1,2,3,4\n")
    with pytest.raises(SourceError) as caught:
        read_query_list(file, graded=graded)
    assert told in str(caught.value)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_suffix_that_tells_no_format_is_refused_with_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"queries\.txt.*\.csv"):
        read_query_list(written(tmp_path, "query_id,query_text\n1,x\n", "queries.txt"))


def test_a_log_of_searches_is_no_list_of_queries(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"q\.ubi: a UBI log is no list of queries"):
        read_query_list(written(tmp_path, "{}\n", "q.ubi"))


def test_a_root_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nowhere: the root folder does not exist; check --root"):
        read_query_list(written(tmp_path, "query_id,query_text\n1,x\n"), root=tmp_path / "nowhere")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        read_query_list(tmp_path / "none.csv")


@pytest.mark.parametrize("name", ["q.csv", "q.tsv", "q.parquet", "q.ndjson"])
@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe broken \n\x80\x81"])
def test_an_empty_or_broken_file_is_a_source_error(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError):
        read_query_list(tmp_path / name)
