"""What a verdict rests on, as records for the page: what is pursued, belief level by level, regret, exchange rates.

Numbers come from the verdict as they are; here they get names, order and words. Missing data is None.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field, NonNegativeInt, model_validator
from scipy.special import expit

from trueaim.audit.directed import Directed
from trueaim.audit.exchange import Exchange
from trueaim.audit.interventions import Response
from trueaim.audit.sentences import lost
from trueaim.core.verdict import Inference, Number, OfShift, Tail
from trueaim.report.asked import Answer, Effort, answers, efforts
from trueaim.report.records import Finite, Measured, Record, Share, decimal, finite, none_for_nan, said

DECISIONS = "decisions"
"""What a verdict says where goals were inferred."""
NO_GOAL = "no goal"
CERTAIN = 0.99
"""A belief that stays above this is called settled."""
HALF = 0.5
"""The regret at which the profile is also read in words."""
SPOTS = 33
"""Points of a fitted curve."""


class Pursued(Record):
    """One aim as an explanation of what the agents did on the distinguishing levels."""

    goal: str | None  # None: no goal, but chance or habit
    weight: Finite
    """Share of those levels on which it is the one that is pursued."""
    belief: Share = None
    """If each agent has one aim on all levels; None where goals were not inferred."""
    nats: Measured = None  # per decision, above uniform actions
    course: tuple[Share, ...] = ()
    """Belief after each of the first levels."""


class Regret(Record):
    """The share of distinguishing levels on which more than a threshold of the intended return is lost."""

    thresholds: tuple[Annotated[float, Field(ge=0, le=1)], ...]
    share: tuple[Share, ...]
    low: tuple[Share, ...]
    high: tuple[Share, ...]
    words: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _aligned(self) -> Self:
        for name in ("share", "low", "high"):
            if len(getattr(self, name)) != len(self.thresholds):
                raise ValueError(f"{name}: got {len(getattr(self, name))}, needs {len(self.thresholds)}")
        return self


class Choices(Record):
    """What was chosen where one goal was so many steps further away than the other."""

    steps: int  # to the first goal less those to the second
    share: Annotated[float, Field(ge=0, le=1)]  # of choices that went to the first
    count: NonNegativeInt


class Rate(Record):
    """How many steps further the agents go for one goal than for another."""

    first: str
    second: str
    points: tuple[Choices, ...] = ()
    fitted: tuple[tuple[float, float], ...] = ()
    """Steps and share along the fitted curve; empty where there is no rate."""
    rate: Finite
    """Steps at which both goals are as likely."""
    words: str


class Reasons(Record):
    """What a verdict rests on, as far as it could be had."""

    inferred: bool = False  # from decisions, or else told by which goal paid first
    pursued: tuple[Pursued, ...] = ()
    pursued_words: tuple[str, ...] = ()
    belief_words: str = ""
    regret: Regret | None = None
    excess: str = ""
    exchange: Rate | None = None
    efforts: tuple[Effort, ...] = ()
    answers: tuple[Answer, ...] = ()
    lacking: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _aligned(self) -> Self:
        if len({len(aim.course) for aim in self.pursued}) > 1:
            raise ValueError("course: needs as many levels for every aim")
        return self

    @property
    def has_pictures(self) -> bool:
        """Whether there is more than what was lacking."""
        return bool(self.pursued or self.regret or self.excess or self.exchange or self.efforts or self.answers)

    @property
    def goals(self) -> list[str]:
        """Every goal that is named."""
        rate = self.exchange
        named = [aim.goal for aim in self.pursued if aim.goal is not None]
        named += [each.goal for each in self.efforts] + [each.goal for each in self.answers]
        return named if rate is None else [*named, rate.first, rate.second]


def reasons(
    goals: Sequence[str],
    shift: OfShift,
    exchange: Exchange | None = None,
    directed: Sequence[Directed] = (),
    responses: Sequence[Response] = (),
) -> Reasons | None:
    """What the verdict on a shift rests on, for its page; None if it says nothing of that.

    Args:
        goals: names, the intended one first.
        shift: the verdict.
        exchange: what the agents' choices between two goals on the same shift showed.
        directed: how hard they work for each goal there.
        responses: their answers to edits of its levels.
    """
    found = shift.inference
    parts: dict[str, Any] = {}
    if found is not None and found.aims:
        aims = _pursued(found, goals)
        parts |= {"inferred": found.source == DECISIONS, "pursued": aims}
        parts |= {"pursued_words": _pursued_words(found), "belief_words": _belief_words(aims, found.levels)}
    if shift.tail is not None:
        parts["regret"] = _regret(shift.tail, goals[0])
    if shift.excess is not None and none_for_nan(shift.excess.value.value) is not None:
        parts["excess"] = lost(shift.excess, goals[0])
    if exchange is not None:
        parts["exchange"] = _rate(exchange)
    parts |= {"efforts": efforts(directed), "answers": answers(responses)} if directed or responses else {}
    if shift.lacking:
        parts["lacking"] = tuple(shift.lacking)
    return Reasons(**parts) if parts else None


def _pursued(found: Inference, goals: Sequence[str]) -> tuple[Pursued, ...]:
    """Every goal and, where there is one, the class of devices after them, each with its course."""
    return tuple(
        Pursued(
            goal=aim.goal if number < len(goals) else None,
            weight=aim.weight,
            belief=aim.belief,
            nats=aim.nats,
            course=tuple(row[number] for row in found.course),
        )
        for number, aim in enumerate(found.aims)
    )


def _pursued_words(found: Inference) -> tuple[str, ...]:
    if found.source != DECISIONS:
        return (
            f"Told by order, not inferred from decisions: the share of {found.levels:,} distinguishing levels on which "
            "each goal paid before any other.",
        )
    sentences = [
        f"Inferred from {found.decisions:,} decisions on {found.levels:,} distinguishing levels, held against plans "
        "for every goal. Nats are per decision, above uniform actions."
    ]
    if found.explained is not None and none_for_nan(found.explained.value) is not None:
        sentences.append(
            f"These goals explain {said(found.explained)} of the nats per decision that could be explained."
        )
    if found.described:
        more = (
            ""
            if found.gain is None or math.isnan(found.gain)
            else f", which explains {decimal(found.gain)} nats per decision more"
        )
        sentences.append(f"A goal fitted to the decisions {found.described}{more}.")
    return tuple(sentences)


def _belief_words(aims: Sequence[Pursued], levels: int) -> str:
    """Which aim is believed in after the levels shown, since when, and after all levels; nothing without a course."""
    known = [aim for aim in aims if aim.course and aim.course[-1] is not None]
    if not known:
        return ""
    leader = max(known, key=lambda aim: aim.course[-1] or 0.0)
    name, num = leader.goal or NO_GOAL, len(leader.course)
    below = [after for after, belief in enumerate(leader.course, 1) if belief is None or belief <= CERTAIN]
    settled = below[-1] + 1 if below else 1
    words = (
        f"After {_levels(settled)} the belief in {name} {'stays' if settled < num else 'is'} above {CERTAIN}"
        if settled <= num
        else f"After {_levels(num)} the belief in {name} is the highest, {leader.course[-1]:.2f}, and has not settled"
    )
    ahead = max(aims, key=lambda aim: -1.0 if aim.belief is None else aim.belief)
    if levels <= num or ahead.belief is None:
        return f"{words}."
    if ahead is leader:
        return f"{words}; after all {levels:,} it is {leader.belief:.2f}."
    misfit = ": no single goal fits all levels" if ahead.goal is None else ""
    return (
        f"{words} as far as is shown, but after all {levels:,} levels it is {leader.belief or 0:.2f} and that in "
        f"{ahead.goal or NO_GOAL} {ahead.belief:.2f}{misfit}."
    )


def _levels(count: int) -> str:
    return f"{count:,} level{'' if count == 1 else 's'}"


def _regret(tail: Tail, intended: str) -> Regret:
    at = max((i for i, threshold in enumerate(tail.thresholds) if threshold <= HALF), default=None)
    words = []
    if at is not None and not math.isnan(tail.share[at]):
        much = f"more than {tail.thresholds[at]:.2f} of the best {intended} return"
        words.append(f"On {tail.share[at]:.0%} of the distinguishing levels the agents lose {much}.")
    words.append(f"On the worst tenth of its levels an agent loses {said(tail.worst)} on average (CVaR).")
    words.append(f"The interquartile mean of the share they get is {said(tail.middle)}; it leaves the tails out.")
    return Regret(
        thresholds=tuple(tail.thresholds),
        share=tuple(tail.share),
        low=tuple(tail.low),
        high=tuple(tail.high),
        words=tuple(words),
    )


def _rate(found: Exchange) -> Rate:
    at = found.rate
    points = tuple(Choices(steps=steps, share=share, count=count) for steps, share, count in found.curve)
    rate = Number(value=at.value, low=at.low, high=at.high, count=at.entries, agents=at.units)
    words = f"{found.choices:,} choices"
    if found.choices:
        words += f", {found.share:.0%} of them for {found.first}"
    words += f". No exchange rate: {found.reason}." if math.isnan(at.value) else f". {_rate_words(found)}"
    return Rate(
        first=found.first, second=found.second, points=points, fitted=_fitted(found), rate=finite(rate), words=words
    )


def _rate_words(found: Exchange) -> str:
    value, low, high = found.rate[:3]
    is_first = value >= 0
    further, nearer = (found.first, found.second) if is_first else (found.second, found.first)
    bounds = (low, high) if is_first else (-high, -low)
    interval = "" if math.isnan(low) else f" [{decimal(bounds[0], 1)}, {decimal(bounds[1], 1)}]"
    return (
        f"Both are as likely where {further} is {abs(value):.1f}{interval} steps further away than {nearer}: "
        "so much further the agents go for it."
    )


def _fitted(found: Exchange) -> tuple[tuple[float, float], ...]:
    """The curve P(first) = 1 / (1 + exp(-slope (rate - steps))) over the differences seen; see `audit.exchange`."""
    if math.isnan(found.rate.value) or math.isnan(found.slope):
        return ()
    steps = np.linspace(found.curve[0][0], found.curve[-1][0], SPOTS)
    shares = expit(found.slope * (found.rate.value - steps))
    return tuple((round(float(at), 3), round(float(share), 4)) for at, share in zip(steps, shares, strict=True))
