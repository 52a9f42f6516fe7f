"""How the values of one column are written: decimal sign, form of times, separators."""

from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mmsearch_dagster.core.suggest import did_you_mean


class ValueFormat(BaseModel):
    """How values are written, where a shop says it; None where each value shows it by itself.

    decimal: the decimal sign of amounts. format: how times are written, in the signs of strftime.
    time_zone: of times that name none. separator: between the parts of a list.
    path_separator: between the levels of a category. base: what file names are below, a folder or an address.
    root: of categories, a first level that every product has; it is left out.
    pairs, equals: between pairs of an attribute text, and between name and value.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    decimal: Literal[".", ","] | None = None
    format: str | None = Field(default=None, min_length=1)
    time_zone: str | None = None
    separator: str | None = Field(default=None, min_length=1)
    path_separator: str | None = Field(default=None, min_length=1)
    base: str | None = Field(default=None, min_length=1)
    root: str | None = Field(default=None, min_length=1)
    pairs: str | None = Field(default=None, min_length=1)
    equals: str | None = Field(default=None, min_length=1)

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, zone: str | None) -> str | None:
        if zone is None:
            return None
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            hint = did_you_mean(zone, available_timezones())
            raise ValueError(f"unknown time_zone '{zone}'; {hint}") from error
        return zone

    @field_validator("format")
    @classmethod
    def _format_has_signs(cls, form: str | None) -> str | None:
        if form is not None and "%" not in form:
            raise ValueError(f"format '{form}' has no signs of strftime; for 05/01/2024 write %d/%m/%Y")
        return form
