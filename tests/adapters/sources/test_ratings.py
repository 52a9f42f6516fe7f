"""MovieLens-format files, whole and broken."""

from pathlib import Path

import pytest

from mmsearch_dagster.adapters.sources.ratings import read_ratings
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.errors import SourceError

ROWS = [("1", "31", "2.5", "1260759144"), ("2", "10", "4", "835355493")]
INTER = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
HEADER = "userId,movieId,rating,timestamp\n"


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "ratings"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "content",
    [
        HEADER + "\n".join(",".join(row) for row in ROWS),
        "\ufeff" + HEADER + "\r\n".join(",".join(row) for row in ROWS) + "\r\n",
        "timestamp,rating,movieId,userId,extra\n" + "\n".join(",".join((*row[::-1], "x")) for row in ROWS),
        "\n".join("\t".join(row) for row in ROWS) + "\n",
        "\n".join("::".join(row) for row in ROWS) + "\n",
        INTER + "\n".join("\t".join(row) for row in ROWS) + "\n",
        "\ufeff" + INTER.replace("\n", "\r\n") + "\r\n".join("\t".join(row) for row in ROWS),
        "item\tuser\tplace\ttimestamp\trating\n"
        + "\n".join("\t".join((item, user, "x", at, value)) for user, item, value, at in ROWS),
        "Kunde\tWare\tNote\tZeit\n" + "\n".join("\t".join(row) for row in ROWS),
    ],
    ids=[
        "ratings.csv",
        "with BOM and CRLF",
        "columns in another order",
        "u.data",
        "ratings.dat",
        ".inter",
        ".inter with BOM and CRLF",
        "tabs, other order",
        "tabs, names nobody knows",
    ],
)
def test_each_format_reads_as_the_same_ratings(tmp_path: Path, content: str) -> None:
    table = read_ratings(written(tmp_path, content))

    assert table[col.USER_ID].to_list() == ["1", "2"]
    assert table[col.PRODUCT_ID].to_list() == ["31", "10"]
    assert table[col.VALUE].to_list() == [2.5, 4.0]
    assert table[col.TIMESTAMP].dt.epoch("s").to_list() == [1260759144, 835355493]
    assert set(table[col.ACTION]) == {"rate"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        (HEADER, "no ratings"),
        ("user,movieId,rating,timestamp\n1,2,3,4\n", "no column 'userId'"),
        (INTER, "no ratings"),
        (INTER + "1\t2\tgood\t978300760\n", "line 2: 'good' is no rating"),
        ("1\t2\tgood\t978300760\n", "line 1: 'good' is no rating"),
        ("name\tother\tthird\n", "has 3 columns"),
        (HEADER + "1,2,good,978300760\n", "line 2: 'good' is no rating"),
        (HEADER + "1,2,4,978300760\n,2,3,978300760\n", "line 3"),
        (HEADER + "1,2,4,yesterday\n", "'yesterday' is no time"),
        (HEADER + "1,2,inf,978300760\n", "'inf' is no rating"),
        ("1::2::3\n4::5::6\n", "has 3 columns"),
        ("1\t2\t3\t4\t5\n", "has 5 columns"),
        (b"\x7fELF\x00\xff\xfe\n", "ratings file"),
        (b"PK\x03\x04" + bytes(range(256)), "ratings file"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, content: str | bytes, told: str) -> None:
    path = written(tmp_path, content)

    with pytest.raises(SourceError, match=told) as error:
        read_ratings(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(SourceError, match="cannot be read"):
            read_ratings(path)
