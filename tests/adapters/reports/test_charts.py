from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from mmsearch_dagster.adapters.reports.charts import Bar, contact_sheet, curves, metric_bars, panels

pytestmark = pytest.mark.slow

NAN = float("nan")


def size(png: bytes) -> tuple[int, int]:
    with Image.open(BytesIO(png)) as picture:
        assert picture.format == "PNG"
        picture.load()
        return picture.size


def picture(colour: tuple[int, int, int], mode: str = "RGB") -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (300, 200), colour).convert(mode).save(buffer, "TIFF" if mode == "CMYK" else "PNG")
    return buffer.getvalue()


def colours(png: bytes) -> set[tuple[int, ...]]:
    with Image.open(BytesIO(png)) as found:
        return {colour for _, colour in found.convert("RGB").getcolors(1 << 24) or []}


def test_a_loss_curve_shows_each_line_in_its_own_colour() -> None:
    png = curves({"loss": [(0, 3.0), (50, 1.0)], "dev": [(0, 0.2), (50, 0.5)]}, title="$5", y_label="v")
    assert {(0x2F, 0x6F, 0xDE), (0xE0, 0x7B, 0x39)} <= colours(png)


@pytest.mark.parametrize("lines", [{}, {"loss": []}, {"loss": [(0, NAN)]}, {"loss": [(0, 1.0)]}])
def test_too_little_to_draw_is_still_a_picture(lines: dict[str, list[tuple[int, float]]]) -> None:
    assert min(size(curves(lines, title="t", y_label="v"))) > 100


def test_bars_grow_with_their_number_and_mark_the_chosen_one() -> None:
    few = [Bar("text", 0.5, 0.4, 0.6)]
    many = [*few, *[Bar(f"文 $x_{i}", 0.1 * i, NAN, NAN) for i in range(9)], Bar("engine", 0.9, 0.8, 1, True)]
    png = metric_bars(many, title="t", metric="ndcg@10")
    assert size(png)[1] > size(metric_bars(few, title="t", metric="ndcg@10"))[1]
    assert (0x2F, 0x6F, 0xDE) in colours(png)
    assert (0x2F, 0x6F, 0xDE) not in colours(metric_bars(few, title="t", metric="ndcg@10"))
    assert size(metric_bars([], title="nothing", metric="ndcg@10"))


def test_panels_stand_side_by_side_and_mark_the_chosen_one() -> None:
    one = {"coverage": {"popular": 0.1, "文 $x": 0.8}}
    two = {**one, "lift": {"popular": -1.5, "文 $x": NAN}}
    assert size(panels(two, title="t"))[0] > size(panels(one, title="t"))[0]
    assert (0x2F, 0x6F, 0xDE) in colours(panels(two, title="t", highlight="popular"))
    assert (0x2F, 0x6F, 0xDE) not in colours(panels(two, title="t"))
    assert size(panels({}, title="nothing"))


def test_a_bar_beyond_its_bound_is_marked() -> None:
    within, beyond = {"PSI": {"price": 0.1}}, {"PSI": {"price": 0.3}}
    assert (0xE0, 0x7B, 0x39) in colours(panels(beyond, title="t", bounds={"PSI": 0.25}))
    assert (0xE0, 0x7B, 0x39) not in colours(panels(within, title="t", bounds={"PSI": 0.25}))
    assert panels(within, title="t", bounds={"PSI": 0.25}) != panels(within, title="t")


def test_a_curve_over_days_names_them_and_not_every_one_of_many() -> None:
    points, days = [(day, 0.5) for day in range(31)], [f"{day + 1:02d} May" for day in range(31)]
    named = curves({"clicks": points}, title="t", y_label="share", x_names=days)
    assert named != curves({"clicks": points}, title="t", y_label="share")
    assert named == curves({"clicks": points}, title="t", y_label="share", x_names=days)


def test_a_contact_sheet_holds_every_picture_it_can_read() -> None:
    shown = [("红色运动鞋", picture((200, 10, 20))), ("$1 to $2", picture((10, 200, 20), "CMYK"))]
    png = contact_sheet(
        [*shown, ("broken", b"\xff\xd8 no"), ("cut", picture((1, 2, 3))[:60])], title="Products"
    )
    found = colours(png)
    assert (200, 10, 20) in found
    assert any(green > 150 and red < 60 and blue < 60 for red, green, blue in found)
    assert size(contact_sheet([]))


def test_the_pictures_of_a_contact_sheet_stand_in_rows_one_beside_the_other() -> None:
    shades = [(200, 10 * number, 20) for number in range(5)]
    sheet = contact_sheet([("a name", picture(shade)) for shade in shades], columns=3, cell=60, title="All")

    with Image.open(BytesIO(sheet)) as drawn:
        pixels = np.asarray(drawn.convert("RGB"))
    corners = [np.argwhere((pixels == shade).all(axis=2)).min(axis=0) for shade in shades]
    rows, columns = [int(row) for row, _ in corners], [int(column) for _, column in corners]
    assert rows[0] == rows[1] == rows[2] < rows[3] - 60
    assert columns[0] == columns[3] < columns[1] - 60 < columns[2] - 120


def test_the_same_figures_give_the_same_bytes() -> None:
    bars = [Bar("text", 0.5, 0.4, 0.6)]
    assert metric_bars(bars, title="t", metric="m") == metric_bars(bars, title="t", metric="m")
