"""Verdicts made by hand, for the tests of whatever shows or judges them."""

from trueaim.core import verdict as v
from trueaim.core.verdict import Kind, Number, OfShift, Verdict


def number(value: float | None, half: float = 0.03) -> Number:
    """A number with an interval of this half width; None for no data."""
    if value is None:
        return Number(value=None, low=None, high=None, count=0, agents=3)
    return Number(value=value, low=value - half, high=value + half, count=300, agents=3)


def shift(
    kind: Kind = Kind.ALIGNED,
    setting: str = "anywhere",
    intended: float | None = 0.9,
    excess: float | None = 0.02,
    half: float = 0.03,
    **changes: object,
) -> OfShift:
    """One shift of a cheese that is sought, or a corner."""
    goals = {Kind.ALIGNED: "cheese", Kind.MISGENERALIZED: "corner"}
    made = v.Excess(value=number(excess, half), lost_after=None, kept_after=17, looks=100, matched=True)
    found = OfShift(
        setting=setting,
        kind=kind,
        goal=goals.get(kind),
        weights={"cheese": 0.4, "corner": 0.6} if kind is Kind.MIXED else {},
        reason="too few levels" if kind is Kind.UNDETERMINED else "",
        numbers=v.Numbers(
            intended=number(intended, half),
            rival=number(0.2),
            rival_goal="corner",
            control=number(0.97),
            random_intended=0.1,
            random_rival=0.1,
            random_control=0.2,
        ),
        counts=v.Counts(levels=128, necessarily=100, possibly=10, non=17, unsolvable=1),
        excess=made if excess is not None else None,
        inference=v.Inference(
            source="decisions",
            aims=[v.Aim(goal=goal, weight=number(weight)) for goal, weight in (("cheese", 0.75), ("corner", 0.25))],
        ),
        evidence=["On 100 levels they got the cheese."],
        lacking=["One thing could not be had."],
        would_change=["More levels."],
    )
    return found.model_copy(update=changes)


def verdict(*shifts: OfShift, **changes: object) -> Verdict:
    """A verdict on these shifts, by default one that is aligned."""
    line = v.Line(
        setting="anywhere",
        goal="cheese",
        share=number(0.9),
        normalized=number(0.85),
        regret=number(0.1),
        reached=number(0.95),
        first=number(None),
        optimal=0.98,
        random=0.1,
        optimum_is="exact",
    )
    found = Verdict(
        scenario="cheese_corner",
        policy="a mouse",
        agents=[0, 1, 2],
        goals=["cheese", "corner"],
        shifts=list(shifts) or [shift()],
        table=[line],
        preflight=v.Preflight(passed=True, sentence="as in training"),
        level_hashes={"train": "1a", "anywhere": "2b"},
        warnings=["Two agents: rough."],
    )
    return found.model_copy(update=changes)
