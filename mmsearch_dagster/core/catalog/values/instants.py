"""Times as shops write them, as UTC microseconds."""

import polars as pl

from mmsearch_dagster.core.catalog.columns import INSTANT

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
    for clock in (" %H:%M:%S", " %H:%M")
)  # fmt: skip
_WORDED_DAYS = ("%d %b %Y", "%b %d %Y")
_WEEKDAY = r"(?i)^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+"
_A_WORD = r"[A-Za-z]{3}"
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
_TWO_NUMBERS = (
    r"^(?<first>\d{1,2})(?<sign>[/.-])(?<second>\d{1,2})[/.-](?<year>\d{4})"
    r"(?:[ T](?<clock>\d{1,2}:\d{2}(?::\d{2})?))?$"
)


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
    text = value.str.strip_chars()
    return _in_form(text, form, zone) if form else _in_usual_forms(text, zone)


def day_order(times: pl.Series) -> str | None:
    """The format of dates such as 13/01/2024 and 01/13/2024, where a value of the column tells it.

    Args:
        times: as text.

    Returns:
        In the signs of strftime; None where all values fit both ways, or none does.
    """
    parts = times.drop_nulls().str.strip_chars().str.extract_groups(_TWO_NUMBERS).struct.unnest()
    if not times.len() or parts["year"].null_count() or parts.is_empty():
        return None
    first, second = (parts[name].cast(pl.Int64) for name in ("first", "second"))
    late_first, late_second = bool((first > _MONTHS).any()), bool((second > _MONTHS).any())
    if late_first == late_second:
        return None
    sign = parts["sign"][0]
    order = f"%d{sign}%m{sign}%Y" if late_first else f"%m{sign}%d{sign}%Y"
    clock = parts["clock"].drop_nulls().to_list()
    return order if not clock else f"{order} %H:%M:%S" if clock[0].count(":") > 1 else f"{order} %H:%M"


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


def _in_usual_forms(text: pl.Expr, zone: str | None) -> pl.Expr:
    tidy = text.str.replace(_ZONE_NAME, "$offset").str.replace(_SLASHES, "$1-$2-$3")
    tidy = tidy.str.replace(_ONE_DIGIT_MONTH, "$1-0$2-").str.replace(_ONE_DIGIT_DAY, "$1-0$2$3")
    tidy = tidy.str.replace(_FRACTION, "$1.$2").str.replace(_SPACED_OFFSET, "$1$2")
    bare = tidy.str.replace(_UTC_NAME, "")
    is_utc = bare != tidy
    zoned = [tidy.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False) for form in _ZONED]
    naive = [bare.str.to_datetime(form, time_unit="us", strict=False) for form in _NAIVE]
    days = [bare.str.to_date(form, strict=False).cast(pl.Datetime("us")) for form in _DAYS]
    worded, has_words = _in_words(bare), text.str.contains(_A_WORD)
    local = pl.coalesce(*naive, *days, pl.when(has_words).then(worded))
    zoned.append(pl.when(has_words).then(_in_words_with_zone(text)))
    number = text.cast(pl.Float64, strict=False)
    # A text of digits that is a date is no epoch.
    number = pl.when(~text.str.contains(_DIGITS_OF_A_DATE)).then(number)
    epoch = _from_epoch(number, zone)
    return pl.coalesce(
        *zoned, pl.when(is_utc).then(_placed(local, None)).otherwise(_placed(local, zone)), epoch
    )


def _in_words(text: pl.Expr) -> pl.Expr:
    """`5 Jan 2024 10:00` and `January 5, 2024`."""
    plain = text.str.replace(_WEEKDAY, "").str.replace_all(",", " ").str.replace_all(r"\s+", " ")
    plain = plain.str.replace(r"(\d)(?:st|nd|rd|th)\b", "$1").str.replace(r"^(\d+)-([A-Za-z]+)-", "$1 $2 ")
    plain = plain.str.replace(r"([A-Za-z]{3})[a-z]*\.?", "$1")
    times = [plain.str.to_datetime(form, time_unit="us", strict=False) for form in _WORDED]
    days = [plain.str.to_date(form, strict=False).cast(pl.Datetime("us")) for form in _WORDED_DAYS]
    return pl.coalesce(*times, *days)


def _in_words_with_zone(text: pl.Expr) -> pl.Expr:
    """`Fri, 05 Jan 2024 10:00:00 +0100`, and as JavaScript prints it."""
    offset = text.str.extract(_ZONE_IN_WORDS, 1)
    minutes = offset.str.slice(1, 2).cast(pl.Int64, strict=False) * 60 + offset.str.slice(3, 2).cast(
        pl.Int64, strict=False
    )
    signed = pl.when(offset.str.starts_with("-")).then(-minutes).otherwise(minutes)
    local = _in_words(text.str.replace(_ZONE_IN_WORDS, ""))
    return (local - pl.duration(minutes=signed)).dt.replace_time_zone("UTC")


def _from_number(value: pl.Expr, dtype: pl.DataType, zone: str | None) -> pl.Expr:
    number = value.cast(pl.Float64, strict=False)
    whole = value.cast(pl.Int64, strict=False)
    digits = pl.when(whole.cast(pl.Float64) == number).then(whole.cast(pl.String))
    return pl.coalesce(_in_usual_forms(digits, zone), _from_epoch(number, zone))


def _from_epoch(number: pl.Expr, zone: str | None) -> pl.Expr:
    micros = pl.lit(None, dtype=pl.Float64)
    for limit, factor in reversed(_EPOCH_STEPS):
        micros = pl.when(number < limit).then(number * factor).otherwise(micros)
    usable = number.is_finite() & (number >= _LEAST_EPOCH)
    epoch = pl.when(usable).then(micros).round().cast(pl.Int64, strict=False).cast(INSTANT)
    days = pl.when(number.is_between(_EXCEL_FIRST, _EXCEL_LAST)).then(number - _EXCEL_EPOCH_DAYS)
    excel = (days * _DAY_MICROSECONDS).round().cast(pl.Int64, strict=False).cast(pl.Datetime("us"))
    return pl.coalesce(epoch, _placed(excel, zone))
