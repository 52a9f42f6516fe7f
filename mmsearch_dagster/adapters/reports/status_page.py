"""The status of a home as one HTML page: no script, nothing from the web, readable on a phone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path

from mmsearch_dagster.adapters.reports.sparkline import Dot, Span, sparkline
from mmsearch_dagster.core.monitoring.daily_metrics import DailyMetrics, DriftResult
from mmsearch_dagster.core.monitoring.status import Status, ago, ahead

_TEMPLATE = Path(__file__).with_name("status_page.html")
_DAYS_SHOWN = 60
_DECISIONS_SHOWN = 40
# Rules whose name alone says too little.
_RULES = {
    "floor": "quality above the floor",
    "champion": "beside the champion",
    "champion_per_kind": "beside the champion, worst kind",
    "enough_queries": "queries above the least number",
    "finite_figures": "values that are no numbers",
}


@dataclass(frozen=True)
class Chart:
    """One card. value: the newest figure. mood: `good`, `bad` or `quiet`. note: what it says, in words."""

    title: str
    value: str
    mood: str
    note: str
    svg: str


def status_html(status: Status) -> str:
    """The page."""
    from jinja2 import Environment

    page = Environment(autoescape=True, trim_blocks=True).from_string(_TEMPLATE.read_text(encoding="utf-8"))
    days = status.days[-_DAYS_SHOWN:]
    mood, sentence = status.headline
    return page.render(
        status=status,
        mood=mood,
        sentence=sentence,
        ago=lambda moment: ago(moment, status.now),
        ahead=lambda moment: ahead(moment, status.now),
        moment=datetime.fromisoformat,
        minute=_minute,
        kinds=_kinds(status),
        sections=[
            ("Quality over time", list(_quality(days))),
            ("Gate margins over time", list(_gates(status))),
            ("Drift over time", list(_drift(days))),
            ("Quarantine over time", list(_quarantine(days))),
            ("Searches", list(_searches(days))),
        ],
    )


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%d %b %H:%M}"


def _kinds(status: Status) -> list[tuple[str, float]]:
    """Quality of the release by kind of query, the mean over all of them first."""
    return sorted(status.state.quality.items(), key=lambda pair: (pair[0] != "all", pair[0]))


def _noon(day: DailyMetrics) -> datetime:
    return datetime.combine(day.day, time(12), UTC)


def _span(moments: Sequence[datetime]) -> Span:
    return Span(min(moments), max(moments))


def _chart(
    title: str,
    dots: Sequence[Dot],
    *,
    form: str,
    guide: float | None = None,
    mood: str = "quiet",
    note: str = "",
) -> Chart:
    span = _span([dot.when for dot in dots])
    ends = dict.fromkeys(f"{moment:%d %b}" for moment in (span.start, span.end))
    between = " – ".join(ends)
    svg = sparkline(dots, span, guide=guide, name=f"{title}, {between}")
    values = [dot.value for dot in dots]
    reach = " to ".join(dict.fromkeys(form.format(value) for value in (min(values), max(values))))
    return Chart(title, form.format(values[-1]), mood, note or f"{reach}; {between}", svg)


def _mood(good: bool | None) -> str:
    return {True: "good", False: "bad", None: "quiet"}[good]


def _quality(days: Iterable[DailyMetrics]) -> Iterator[Chart]:
    by_kind: dict[str, list[Dot]] = {}
    metric = ""
    for day in days:
        for kind, value in day.state.quality.items() if day.state else ():
            label = f"{day.day}: {value:.4f}, {day.state.release if day.state else ''}"
            by_kind.setdefault(kind, []).append(Dot(_noon(day), value, label=label))
            metric = (day.state and day.state.metric) or metric
    for kind, dots in sorted(by_kind.items(), key=lambda pair: (pair[0] != "all", pair[0])):
        name = "all queries" if kind == "all" else kind
        yield _chart(f"{name}, {metric}", dots, form="{:.3f}")


def _gates(status: Status) -> Iterator[Chart]:
    """One card per rule: how far the figure was from its limit, decision by decision."""
    by_rule: dict[str, list[Dot]] = {}
    for gate in status.gates[-_DECISIONS_SHOWN:]:
        for rule, margin in gate.margins.items():
            label = f"{gate.when[:16]} {gate.release_id}: {margin:+.4g}"
            dot = Dot(datetime.fromisoformat(gate.when), margin, margin >= 0, label)
            by_rule.setdefault(rule, []).append(dot)
    for rule, dots in by_rule.items():
        if all(dot.value == 0 for dot in dots):
            continue  # a rule of yes or no
        title = _RULES.get(rule, rule.replace("_", " "))
        good, refused = dots[-1].good, [dot.when for dot in dots if not dot.good]
        note = "within its limit" if good else "beyond its limit"
        if good and refused:
            note += f"; last beyond it {refused[-1]:%d %b}"
        yield _chart(title, dots, form="{:+.3g}", guide=0.0, mood=_mood(good), note=note)


def _drift(days: Sequence[DailyMetrics]) -> Iterator[Chart]:
    """One card per monitor: the worst figure over its bound, 1 is the bound."""
    by_monitor: dict[str, list[Dot]] = {}
    newest: dict[str, DriftResult] = {}
    for day in days:
        for result in day.state.drift if day.state else ():
            level = result.level if result.level is not None else _judged(result.fine)
            if level is not None:
                dot = Dot(_noon(day), level, result.fine, f"{day.day}: {result.sentence}")
                by_monitor.setdefault(result.monitor, []).append(dot)
            newest[result.monitor] = result
    for monitor, result in newest.items():
        title, mood = monitor.replace("_", " "), _mood(result.fine)
        form = "{:.2f} of bound" if result.level is not None else ("fine" if result.fine else "look here")
        if monitor in by_monitor:
            dots, note = by_monitor[monitor], result.sentence
            drifted = [dot.when for dot in dots if dot.good is False]
            if result.fine and drifted:
                note += f"; last otherwise {drifted[-1]:%d %b}"
            yield _chart(title, dots, form=form, guide=1.0, mood=mood, note=note)
        else:
            yield Chart(title, "", "quiet", result.sentence, "")


def _judged(fine: bool | None) -> float | None:
    """A height for a monitor that has a verdict and no figure."""
    return None if fine is None else (0.5 if fine else 1.5)


def _quarantine(days: Sequence[DailyMetrics]) -> Iterator[Chart]:
    by_table: dict[str, list[Dot]] = {}
    notes: dict[str, str] = {}
    for day in days:
        for result in day.state.quarantine if day.state else ():
            rows = f"{result.quarantined:,} of {result.kept + result.quarantined:,} rows"
            dot = Dot(_noon(day), result.share, label=f"{day.day}: {rows}")
            by_table.setdefault(result.table, []).append(dot)
            notes[result.table] = rows
    for table, dots in by_table.items():
        yield _chart(table, dots, form="{:.2%}", guide=0.0, note=notes[table])


def _searches(days: Sequence[DailyMetrics]) -> Iterator[Chart]:
    figures: Mapping[str, tuple[str, str]] = {
        "searches": ("Searches a day", "{:,.0f}"),
        "with_click": ("With a click", "{:.1%}"),
        "with_purchase": ("With a purchase", "{:.1%}"),
        "without_results": ("Without results", "{:.1%}"),
    }
    for field, (title, form) in figures.items():
        dots = [
            Dot(_noon(day), value, label=f"{day.day}: {form.format(value)}")
            for day in days
            if day.searches is not None and (value := float(getattr(day.searches, field))) == value
        ]
        if dots:
            yield _chart(title, dots, form=form, guide=0.0)
