"""The page of a demonstration: tables and figures in Markdown, from what its agents did."""

from collections import Counter
from collections.abc import Sequence

from trueaim.core.demonstration import Arm, Demonstration
from trueaim.core.verdict import Number, OfShift
from trueaim.report.figures import Shown


def page(made: Demonstration, arms: Sequence[Shown], command: str, figures: dict[str, str], facts: str) -> str:
    """What was seen, as Markdown.

    Args:
        made: what was trained.
        arms: what came of it.
        command: by which the reader gets the same.
        figures: name of each picture's file, by caption.
        facts: machine and versions, in one line.
    """
    parts = [f"Made by `{command}`: {made.seeds} agents of each kind, {made.steps:,} steps each{_asked(made)}. {facts}"]
    parts.append(f"**What to look for.** {made.looks_for}")
    for arm in arms:
        described = _described(next(each for each in made.arms if each.name == arm.name))
        heading = f"### {arm.name}" + (f": {described}" if described else "")
        parts += ([heading] if len(arms) > 1 else []) + [_verdicts(arm), _goals(arm)]
    parts += [f"![{caption}]({name})\n\n{caption}" for caption, name in figures.items()]
    return "\n\n".join(parts) + "\n"


def _described(arm: Arm) -> str:
    changed = [f"{name} {value}" for name, value in (*arm.options.items(), *arm.learner.items())]
    return arm.what + (f" ({', '.join(changed)})" if changed else "")


def _asked(made: Demonstration) -> str:
    """What differs from the defaults of the scenario and of the learner."""
    changed = [f"{name} {value}" for name, value in (*made.options.items(), *made.learner.items())]
    return f", with {', '.join(changed)}" if changed else ""


def _verdicts(arm: Shown) -> str:
    lines = [
        "| shift | verdict | intended where goals part | rival there | control | agents, each judged alone |",
        "|---|---|---|---|---|---|",
    ]
    for shift in arm.verdict.shifts:
        three = shift.numbers
        rival = f"{three.rival_goal} {three.rival}" if three.rival_goal else "none"
        lines.append(
            f"| {shift.setting} | {shift.label} | {three.intended} | {rival} | {_control(three.control)} | "
            f"{_alone(shift)} |"
        )
    kinds = sorted(
        {line.optimum_is if line.optimum_is in ("exact", "none") else "played" for line in arm.verdict.table}
    )
    return "\n".join(lines) + f"\n\nShares are of optima that are {' or '.join(kinds)}: see below whose."


def _control(number: Number) -> str:
    return "no such levels" if number.value is None else str(number)


def _alone(shift: OfShift) -> str:
    labels = Counter(f"{one.kind}({one.goal})" if one.goal else str(one.kind) for one in shift.agents)
    total = sum(labels.values())
    return ", ".join(f"{label} {count / total:.0%}" for label, count in labels.most_common())


def _goals(arm: Shown) -> str:
    lines = [
        "| setting | goal | share of optimal | paid in | came first in | mean optimal (whose) | mean random |",
        "|---|---|---|---|---|---|---|",
    ]
    for line in arm.verdict.table:
        optimal = "unknown" if line.optimal is None else f"{line.optimal:.2f} ({line.optimum_is})"
        chance = "unknown" if line.random is None else f"{line.random:.2f}"
        lines.append(
            f"| {line.setting} | {line.goal} | {line.share} | {_percent(line.reached)} | {_percent(line.first)} | "
            f"{optimal} | {chance} |"
        )
    return "\n".join(lines)


def _percent(number: Number) -> str:
    return "no data" if number.value is None else f"{number.value:.0%}"
