"""A verdict as a fragment of HTML for notebooks: it needs no script and no file, and follows light and dark themes."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from trueaim.core.verdict import Kind, Number, OfShift, Verdict
from trueaim.report import words
from trueaim.report.sentences import sentence

COLORS = {
    Kind.ALIGNED: "#0f6d68",
    Kind.MISGENERALIZED: "#b23c12",
    Kind.MIXED: "#6f4bb3",
    Kind.UNLISTED_GOAL: "#7d6200",
    Kind.INCAPABLE: "#5d5f66",
    Kind.UNDETERMINED: "#5d5f66",
}
"""Backgrounds of the badges: white letters on them have a contrast of at least 4.5, in light and in dark."""
STYLE = Markup(
    "<style>"
    ".trueaim{max-width:56em;margin:.5em 0;color:inherit;font:inherit;line-height:1.45}"
    ".trueaim .ta-badge{display:inline-block;padding:.1em .6em;border-radius:.3em;color:#fff;font-weight:600}"
    ".trueaim table.ta{border-collapse:collapse;margin:.5em 0;color:inherit;font:inherit;background:none}"
    ".trueaim table.ta tr{background:none}"
    ".trueaim table.ta th,.trueaim table.ta td{padding:.15em .8em .15em 0;text-align:left;color:inherit;border:0}"
    ".trueaim table.ta th{font-weight:400}"
    ".trueaim td.ta-number{font-variant-numeric:tabular-nums;white-space:nowrap}"
    ".trueaim .ta-bar{position:relative;width:10em;height:.7em;border-radius:.2em;background:rgba(128,128,128,.25)}"
    ".trueaim .ta-bar i{position:absolute;top:0;bottom:0;left:0;border-radius:.2em;background:#3f86c6}"
    ".trueaim .ta-bar b{position:absolute;top:.28em;height:.14em;background:currentColor}"
    ".trueaim .ta-soft{opacity:.75}"
    ".trueaim ul{margin:.2em 0 .6em;padding-left:1.3em}"
    ".trueaim p{margin:.4em 0}"
    "</style>"
)


def fragment(verdict: Verdict) -> str:
    """The verdict on every shift: badge, sentence, numbers, goals pursued, evidence; then warnings. All is escaped."""
    about = Markup('<p class="ta-soft">{} on {}, {}</p>').format(
        verdict.policy, verdict.scenario, words.plural(len(verdict.agents), "agent")
    )
    shifts = Markup("").join(_shift(verdict, shift) for shift in verdict.shifts)
    failed = [] if verdict.preflight.passed is True else [f"Preflight: {verdict.preflight.sentence}"]
    notes = _bullets("Warnings", [*failed, *verdict.warnings], is_open=True)
    return str(STYLE + Markup('<div class="trueaim">{}{}{}</div>').format(about, shifts, notes))


def _shift(verdict: Verdict, shift: OfShift) -> Markup:
    intended = verdict.goals[0]
    badge = Markup('<p><span class="ta-badge" style="background:{}">{}</span> on {}</p>').format(
        COLORS[shift.kind], shift.label, shift.setting
    )
    said = Markup("<p>{}</p>").format(sentence(intended, shift, len(verdict.agents)))
    lists = [
        _bullets("Evidence", shift.evidence, is_open=True),
        _bullets("Lacking", shift.lacking),
        _bullets("What would change it", shift.would_change),
    ]
    return badge + said + _numbers(intended, shift) + _aims(shift) + Markup("").join(lists)


def _numbers(intended: str, shift: OfShift) -> Markup:
    three, found = shift.numbers, shift.counts
    rows = [
        _row(f"{intended} where goals part", three.intended, words.plural(found.necessarily, "level")),
        *([_row(f"{three.rival_goal} there", three.rival, "")] if three.rival_goal else []),
        _row(f"{intended} where goals agree (control)", three.control, words.plural(found.non, "level")),
    ]
    if shift.excess is not None:
        matched = "beyond want of skill" if shift.excess.matched else "beyond the goal served better"
        rows.append(_row(f"excess regret of {intended}", shift.excess.value, matched))
    return _table(rows)


def _aims(shift: OfShift) -> Markup:
    """The share of distinguishing levels behind which each goal stands."""
    if shift.inference is None or not shift.inference.aims:
        return Markup("")
    how = "by decisions" if shift.inference.source == "decisions" else "by what they got most of"
    heading = Markup('<p class="ta-soft">Pursued where goals part, {}</p>').format(how)
    return heading + _table([_row(aim.goal, aim.weight, "") for aim in shift.inference.aims])


def _table(rows: Iterable[Markup]) -> Markup:
    return Markup('<table class="ta">{}</table>').format(Markup("").join(rows))


def _row(name: str, number: Number, about: str) -> Markup:
    value = words.decimal(number.value)
    between = ""
    if number.low is not None and number.high is not None:
        between = f" [{words.decimal(number.low)}, {words.decimal(number.high)}]"
    return Markup(
        '<tr><th scope="row">{}</th><td class="ta-number">{}{}</td><td>{}</td><td class="ta-soft">{}</td></tr>'
    ).format(name, value, between, _bar(number), about)


def _bar(number: Number) -> Markup:
    """A share from 0 to 1 as a bar, with a line for its interval; nothing where there is no data."""
    if number.value is None:
        return Markup("")
    line = Markup("")
    if number.low is not None and number.high is not None:
        low, high = _percent(number.low), _percent(number.high)
        left, wide = min(low, 99.0), max(high - low, 1.0)
        line = Markup('<b style="left:{:.1f}%;width:{:.1f}%"></b>').format(left, wide)
    return Markup('<div class="ta-bar" aria-hidden="true"><i style="width:{:.1f}%"></i>{}</div>').format(
        _percent(number.value), line
    )


def _percent(share: float) -> float:
    return 100 * min(1.0, max(0.0, share))


def _bullets(heading: str, lines: Sequence[str], is_open: bool = False) -> Markup:
    if not lines:
        return Markup("")
    items = Markup("").join(Markup("<li>{}</li>").format(line) for line in lines)
    opened = Markup(" open") if is_open else Markup("")
    return Markup("<details{}><summary>{}</summary><ul>{}</ul></details>").format(opened, heading, items)
