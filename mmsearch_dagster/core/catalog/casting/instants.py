"""Times as shops write them, as UTC microseconds."""

import polars as pl

from mmsearch_dagster.core.catalog.casting.texts import clean_text
from mmsearch_dagster.core.catalog.schemas import INSTANT

_ZONED = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z", "%Y-%m-%d %H:%M%#z")
_NAIVE = (
    *("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"),
    *("%Y%m%dT%H%M%S", "%Y%m%d%H%M%S", "%Y%m%d%H%M"),
)
_DAYS = ("%Y-%m-%d", "%Y%m%d")
# Where the month is a word, there is one order only.
_WORDED = tuple(
    f"{day}{clock}"
    for day in ("%d %b %Y", "%b %d %Y")
    for clock in (" %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p")
)  # fmt: skip
_WORDED_DAYS = ("%d %b %Y", "%b %d %Y")
_WEEKDAY = r"(?i)^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+"
_A_WORD = r"\p{L}{3}"
# Months of German, French, Spanish, Italian, Portuguese and Dutch that do not begin as the English ones do.
_MONTHS_BY_BEGINNING = {
    "Jan": "ene|gen", "Feb": "fév|fev", "Mar": "mär|mae|mrz|mrt|maa", "Apr": "avr|abr", "May": "mai|mei|mag",
    "Jun": "juin|giu", "Jul": "jui|lug", "Aug": "aoû|aou|ago", "Sep": "set", "Oct": "okt|out|ott",
    "Dec": "dez|dic|déc",
}  # fmt: skip
_SMALL_WORDS = r"(?i)\b(?:de|of|den|der|le|el|um|at|à|uhr)\b"
# A year of two digits behind a month in words; 70 to 99 are of the last century.
_SHORT_YEAR = r"^(\d{1,2} [A-Za-z]{3} |[A-Za-z]{3} \d{1,2} )(\d\d)( |$)"
_LAST_CENTURY = r"^(\d{1,2} [A-Za-z]{3} |[A-Za-z]{3} \d{1,2} )([7-9]\d)( |$)"
# 2024年1月5日, and the same in Korean.
_YEAR_MONTH_DAY = r"^(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日일]"
# Where dots part them, the day comes first.
_DOTTED = r"^(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})\b,?"
_CLOCK_WORD = r"(?i)\s*uhr$"
_COMPACT_UTC = r"^(\d{8}T\d{4,6})Z$"
# /Date(1704448800000)/ of .NET.
_DOT_NET = r"^/?Date\((\d+)(?:[+-]\d{4})?\)/?$"
# What databases write for no date.
_NO_DATE = r"^0{2,4}[-./]00[-./]0{2,4}(?:[ T]00:00(?::00)?)?$"
_ZONE_IN_WORDS = r"\s*(?:GMT|UTC)?([+-]\d{4})(?:\s*\([^)]*\))?$"
# "2024-01-05 10:00 UTC", "...Z[UTC]", "...+01:00[Europe/Paris]": the zone is said twice, or is UTC.
_ZONE_NAME = r"(?i)(?:(?P<offset>z|[+-]\d\d:?\d\d)\s*\[[A-Za-z_/+\-0-9]+\])$"
_UTC_NAME = r"(?i)\s*(?:\[?(?:UTC|GMT|Etc/UTC)\]?|\bZ)$"
# Year first, as 2024/01/05 and 2024.01.05 have it, is a date in one way only.
_SLASHES = r"^(\d{4})[/.](\d{1,2})[/.](\d{1,2})"
# 2024-1-5 and a fraction of a second behind a comma, as programs' logs have it.
_ONE_DIGIT_MONTH, _ONE_DIGIT_DAY = r"^(\d{4})-(\d)-", r"^(\d{4}-\d\d)-(\d)(\D|$)"
_SPACED_OFFSET = r"(\d) ([+-]\d\d:?\d\d)$"
_FRACTION = r"(:\d\d),(\d+)"
_DIGITS_OF_A_DATE = r"^(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d{4}(?:\d{2})?)?$"
# Below each limit an epoch number counts seconds, milliseconds, microseconds, nanoseconds; with the factor
# that makes microseconds of it. The first limit is the year 5138 in seconds and 1973 in milliseconds.
_EPOCH_STEPS = ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0), (9e18, 1e-3))
# A smaller number is no epoch of anything that a shop has: 1973 in seconds.
_LEAST_EPOCH = 1e8
# Excel counts days from here; these are the years 1954 to 2119.
_EXCEL_FIRST, _EXCEL_LAST, _EXCEL_EPOCH_DAYS = 20_000, 80_000, 25_569
_DAY_MICROSECONDS = 86_400e6
_MONTHS = 12
_FIRST_YEAR = 1900
_TWO_NUMBERS = (
    r"^(?<first>\d{1,2})(?<sign>[/.-])(?<second>\d{1,2})[/.-](?<year>\d{4})"
    r"(?:[ T](?<clock>\d{1,2}:\d{2}(?::\d{2})?(?<half> [APap][Mm])?))?$"
)
_YEAR_FIRST = r"^\d{4}[-/.]\d"


def as_instant(
    value: pl.Expr, dtype: pl.DataType, *, form: str | None = None, zone: str | None = None
) -> pl.Expr:
    """UTC microseconds from ISO 8601, a date of digits, Excel's day numbers, or epoch s, ms, us or ns.

    Args:
        value: the times.
        dtype: their type.
        form: how the texts are written, in the signs of strftime; None for the ways named above.
        zone: IANA name of the zone of times that name none; None for UTC.

    Returns:
        Times; null where a value is none in these ways. A day and a month that could be either way round are
        none without `form`.
    """
    if isinstance(dtype, pl.Datetime):
        zoned = value.dt.convert_time_zone("UTC") if dtype.time_zone else _placed(value, zone)
        return zoned.dt.cast_time_unit("us")
    if dtype == pl.Date:
        return _placed(value.cast(pl.Datetime("us")), zone)
    if dtype != pl.String:
        return _from_number(value, dtype, zone)
    return value.map_batches(lambda texts: _from_texts(texts, form, zone), INSTANT, is_elementwise=True)


def _from_texts(texts: pl.Series, form: str | None, zone: str | None) -> pl.Series:
    """Step by step: as one expression it would be taken apart anew for each of its many branches."""
    cleaned = texts.to_frame("text").select(clean_text(pl.col("text")))
    text = cleaned.select(pl.when(~pl.col("text").str.contains(_NO_DATE)).then("text"))["text"]
    if form is None:
        times = _in_usual_forms(text, zone)
    else:
        # Where the year comes first there is one way to read it.
        year_first = text.to_frame().select(pl.when(pl.col("text").str.contains(_YEAR_FIRST)).then("text"))
        both = pl.DataFrame({"text": text, "usual": _in_usual_forms(year_first["text"], zone)})
        times = both.select(pl.coalesce(_in_form(pl.col("text"), form, zone), "usual")).to_series()
    return times.to_frame("time").select(_of_a_shop(pl.col("time"))).to_series()


def _of_a_shop(time: pl.Expr) -> pl.Expr:
    """24-01-05 is not in the year 24."""
    return pl.when(time.dt.year() >= _FIRST_YEAR).then(time)


def day_order(times: pl.Series) -> str | None:
    """The format of dates such as 13/01/2024 and 01/13/2024, where a value of the column tells it.

    Dates that begin with the year tell nothing.

    Args:
        times: as text.

    Returns:
        In the signs of strftime; None where all values fit both ways, or none does.
    """
    texts = times.to_frame("time").select(clean_text(pl.col("time")))["time"].drop_nulls()
    texts = texts.filter(~texts.str.contains(_YEAR_FIRST) & ~texts.str.contains(_NO_DATE))
    parts = texts.str.extract_groups(_TWO_NUMBERS).struct.unnest()
    if parts.is_empty() or parts["year"].null_count():
        return None
    first, second = (parts[name].cast(pl.Int64) for name in ("first", "second"))
    late_first, late_second = bool((first > _MONTHS).any()), bool((second > _MONTHS).any())
    if late_first == late_second:
        return None
    sign = parts["sign"][0]
    order = f"%d{sign}%m{sign}%Y" if late_first else f"%m{sign}%d{sign}%Y"
    clock = parts["clock"].drop_nulls().to_list()
    if not clock:
        return order
    seconds = ":%S" if clock[0].count(":") > 1 else ""
    return f"{order} %I:%M{seconds} %p" if parts["half"].is_not_null().any() else f"{order} %H:%M{seconds}"


def _placed(naive: pl.Expr, zone: str | None) -> pl.Expr:
    """Times without a zone as UTC. Of an hour that clocks repeat the first, of one they skip none."""
    local = naive.dt.replace_time_zone(zone or "UTC", ambiguous="earliest", non_existent="null")
    return local.dt.convert_time_zone("UTC")


def _in_form(text: pl.Expr, form: str, zone: str | None) -> pl.Expr:
    if "%z" in form or "%#z" in form:
        return text.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False)
    if any(sign in form for sign in ("%H", "%I", "%T", "%R", "%r", "%X", "%c", "%s")):
        return _placed(text.str.to_datetime(form, time_unit="us", strict=False), zone)
    return _placed(text.str.to_date(form, strict=False).cast(pl.Datetime("us")), zone)


def _in_usual_forms(texts: pl.Series, zone: str | None) -> pl.Series:
    text, tidy, bare = pl.col("text"), pl.col("tidy"), pl.col("bare")
    frame = texts.to_frame("text").with_columns(tidy=_tidy(text))
    frame = frame.with_columns(bare=tidy.str.replace(_UTC_NAME, ""), **_in_words(frame))
    zoned = [tidy.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False) for form in _ZONED]
    naive = [bare.str.to_datetime(form, time_unit="us", strict=False) for form in _NAIVE]
    days = [bare.str.to_date(form, strict=False).cast(pl.Datetime("us")) for form in _DAYS]
    # A text of digits that is a date is no epoch.
    number = pl.when(~text.str.contains(_DIGITS_OF_A_DATE)).then(tidy.cast(pl.Float64, strict=False))
    frame = frame.select(
        zoned=pl.coalesce(*zoned, "zoned_words"),
        local=pl.coalesce(*naive, *days, "words"),
        is_utc=bare != tidy,
        number=number,
    )
    local = pl.when("is_utc").then(_placed(pl.col("local"), None)).otherwise(_placed(pl.col("local"), zone))
    return frame.select(pl.coalesce("zoned", local, _from_epoch(pl.col("number"), zone))).to_series()


def _tidy(text: pl.Expr) -> pl.Expr:
    """The ways of shops and programs as ISO 8601, where there is no doubt."""
    tidy = text.str.replace(_YEAR_MONTH_DAY, "$1-$2-$3").str.replace(_DOTTED, "$3-$2-$1")
    tidy = tidy.str.replace(_CLOCK_WORD, "").str.replace(_COMPACT_UTC, "$1 UTC").str.replace(_DOT_NET, "$1")
    tidy = tidy.str.replace(_ZONE_NAME, "$offset").str.replace(_SLASHES, "$1-$2-$3")
    tidy = tidy.str.replace(_ONE_DIGIT_MONTH, "$1-0$2-").str.replace(_ONE_DIGIT_DAY, "$1-0$2$3")
    return tidy.str.replace(_FRACTION, "$1.$2").str.replace(_SPACED_OFFSET, "$1$2")


def _in_words(frame: pl.DataFrame) -> dict[str, pl.Series]:
    """`5 Jan 2024 10:00`, `January 5, 2024`, `5. Januar 2024`, `05-Jan-24`; with a zone as mails have it.

    Args:
        frame: the columns `text` and `tidy`.

    Returns:
        `words`, times without a zone; `zoned_words`, in UTC.
    """
    if not frame["text"].str.contains(_A_WORD).any():
        nothing = pl.repeat(None, frame.height, dtype=pl.Datetime("us"), eager=True)
        return {"words": nothing, "zoned_words": nothing.dt.replace_time_zone("UTC")}
    text = pl.col("text")
    plain = frame.select(
        words=_english(pl.col("tidy").str.replace(_UTC_NAME, "")),
        zoned=_english(text.str.replace(_ZONE_IN_WORDS, "")),
        offset=text.str.extract(_ZONE_IN_WORDS, 1),
    )
    read = plain.select(
        words=_from_english(pl.col("words")), zoned_words=_from_english(pl.col("zoned")) - _ahead("offset")
    )
    return {"words": read["words"], "zoned_words": read["zoned_words"].dt.replace_time_zone("UTC")}


def _english(text: pl.Expr) -> pl.Expr:
    """Three letters of the English month, four digits of the year, single spaces."""
    plain = text.str.replace(_WEEKDAY, "").str.replace_all(_SMALL_WORDS, " ")
    for month, beginnings in _MONTHS_BY_BEGINNING.items():
        plain = plain.str.replace(rf"(?i)\b(?:{beginnings})[a-zà-ÿ]*\b\.?", month)
    plain = plain.str.replace(r"^(\d{1,2})\. ?", "$1 ").str.replace_all(",", " ")
    plain = plain.str.replace_all(r"\s+", " ")
    plain = plain.str.replace(r"(\d)(?:st|nd|rd|th)\b", "$1").str.replace(r"^(\d+)-([A-Za-z]+)-", "$1 $2 ")
    plain = plain.str.replace(r"([A-Za-z]{3})[a-z]*\.?", "$1").str.strip_chars()
    return plain.str.replace(_LAST_CENTURY, "${1}19$2$3").str.replace(_SHORT_YEAR, "${1}20$2$3")


def _from_english(plain: pl.Expr) -> pl.Expr:
    times = [plain.str.to_datetime(form, time_unit="us", strict=False) for form in _WORDED]
    days = [plain.str.to_date(form, strict=False).cast(pl.Datetime("us")) for form in _WORDED_DAYS]
    return pl.coalesce(*times, *days)


def _ahead(offset: str) -> pl.Expr:
    """`+0100` as a duration."""
    hours, minutes = (pl.col(offset).str.slice(start, 2).cast(pl.Int64, strict=False) for start in (1, 3))
    total = hours * 60 + minutes
    return pl.duration(minutes=pl.when(pl.col(offset).str.starts_with("-")).then(-total).otherwise(total))


def _from_number(value: pl.Expr, dtype: pl.DataType, zone: str | None) -> pl.Expr:
    number = value.cast(pl.Float64, strict=False)
    whole = value.cast(pl.Int64, strict=False)
    digits = pl.when(whole.cast(pl.Float64) == number).then(whole.cast(pl.String))
    dates = digits.map_batches(lambda texts: _from_texts(texts, None, zone), INSTANT, is_elementwise=True)
    return pl.coalesce(dates, _from_epoch(number, zone))


def _from_epoch(number: pl.Expr, zone: str | None) -> pl.Expr:
    micros = pl.lit(None, dtype=pl.Float64)
    for limit, factor in reversed(_EPOCH_STEPS):
        micros = pl.when(number < limit).then(number * factor).otherwise(micros)
    usable = number.is_finite() & (number >= _LEAST_EPOCH)
    epoch = pl.when(usable).then(micros).round().cast(pl.Int64, strict=False).cast(INSTANT)
    days = pl.when(number.is_between(_EXCEL_FIRST, _EXCEL_LAST)).then(number - _EXCEL_EPOCH_DAYS)
    excel = (days * _DAY_MICROSECONDS).round().cast(pl.Int64, strict=False).cast(pl.Datetime("us"))
    return pl.coalesce(epoch, _placed(excel, zone))
