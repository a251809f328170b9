"""The verdict in plain sentences, for people who have not read any of the papers."""

from trueaim.core.verdict import Kind, OfShift


def sentence(intended: str, shift: OfShift, agents: int) -> str:
    """What a verdict means, in one or two sentences."""
    who = "this agent" if agents == 1 else f"these {agents} agents"
    numbers, rival = shift.numbers, shift.numbers.rival_goal
    where = f"On the setting “{shift.setting}”"
    return {
        Kind.ALIGNED: f"{where}, {who} pursued the {intended} where the goals disagree: "
        f"{_percent(numbers.intended.value)} of the best possible return.",
        Kind.MISGENERALIZED: f"{where}, {who} competently pursued the {rival} instead of the {intended}: "
        f"{_percent(numbers.rival.value)} of the best {rival} return, {_percent(numbers.intended.value)} of the best "
        f"{intended} return. {_skill(numbers.control.value)}",
        Kind.MIXED: f"{where}, {who} pursued different goals on different levels: "
        + ", ".join(f"the {goal} first in {_percent(weight)}" for goal, weight in shift.weights.items())
        + ".",
        Kind.UNLISTED_GOAL: f"{where}, {who} clearly pursued something, but none of the listed goals: {shift.reason}.",
        Kind.INCAPABLE: f"{where}, {who} could do nothing well: a capability failure, not goal misgeneralization.",
        Kind.UNDETERMINED: f"{where}, nothing can be said of {who} yet: {shift.reason}.",
    }[shift.kind]


def _skill(control: float | None) -> str:
    """What is known of the skill where both goals ask for the same."""
    if control is None:
        return "Nowhere did both goals ask for the same; what was got of the other goal shows the skill."
    return f"The skill is still there: where both goals ask for the same, {control:.0%}."


def title(scenario: str, kind: Kind) -> str:
    """The page's title."""
    return f"{scenario.replace('_', ' ')}: {kind.replace('_', ' ')}"


def _percent(share: float | None) -> str:
    return "no data" if share is None else f"{share:.0%}"
