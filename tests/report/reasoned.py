"""The sample's verdicts with what they rest on, made from verdicts as an audit gives them."""

import numpy as np
from sample import HOSTILE, hostile, sample

from trueaim.audit.directed import Directed
from trueaim.audit.exchange import Choices, rate_of
from trueaim.audit.intervals import NOTHING as NOTHING_MEASURED
from trueaim.audit.intervals import Interval
from trueaim.audit.interventions import Response
from trueaim.core.verdict import Aim, Counts, Excess, Inference, Kind, Number, Numbers, OfShift, Tail
from trueaim.report import payload as p
from trueaim.report.evidence import reasons

GOALS = ("cheese", "corner", "dead_end")
NOTHING = Number(value=None, low=None, high=None, count=0, agents=0)


def number(value, low, high):
    return Number(value=value, low=low, high=high, count=100, agents=5)


def shift(**fields):
    """A verdict on one shift with nothing but what is given."""
    numbers = Numbers(
        intended=NOTHING, rival=NOTHING, rival_goal="corner", control=NOTHING,
        random_intended=None, random_rival=None, random_control=None,
    )  # fmt: skip
    counts = Counts(levels=0, necessarily=0, possibly=0, non=0, unsolvable=0)
    return OfShift(setting="anywhere", kind=Kind.UNDETERMINED, numbers=numbers, counts=counts, **fields)


def inference(**fields):
    """Agents that go to the corner on three levels of four."""
    return Inference(
        **{
            "source": "decisions",
            "aims": [
                Aim(goal="cheese", weight=number(0.25, 0.125, 0.5), belief=0.01, nats=0.25),
                Aim(goal="corner", weight=number(0.75, 0.5, 0.875), belief=0.99, nats=1.5),
                Aim(goal="dead_end", weight=number(0.0, None, None), belief=0.0, nats=-0.001),
                Aim(goal="device", weight=NOTHING, belief=0.0, nats=None),
            ],
            "explained": number(0.9, 0.8, 0.95),
            "described": "heads for the bottom-right corner",
            "gain": 0.5,
            "levels": 5,
            "decisions": 1234,
            "course": [
                [0.5, 0.25, 0.25, 0.0],
                [0.0, 0.992, 0.0, 0.008],
                [0.0, 0.5, 0.5, 0.0],
                [0, 1, 0, 0],
                [0, 1, 0, 0],
            ],
        }
        | fields
    )


TAIL = Tail(
    thresholds=[0.0, 0.25, 0.5, 0.75],
    share=[1.0, 0.75, 0.5, 0.25],
    low=[0.9, 0.5, 0.25, 0.0],
    high=[1.0, 1.0, 0.75, 0.5],
    worst=number(0.975, 0.9, 1.0),
    middle=number(0.4, None, None),
)
EXCESS = Excess(value=number(0.74, 0.6, 0.8), lost_after=9, kept_after=None, looks=60, matched=True)

EFFORTS = [
    Directed("cheese", Interval(1.2, 1.0, 1.5, 60, 3), 4.5, 7.7),
    Directed("corner", NOTHING_MEASURED, float("nan"), float("nan")),
]
ANSWERS = [
    Response(
        "cheese",
        "moved",
        Interval(0.6, 0.4, 0.8, 60, 3),
        Interval(0.5, 0.3, 0.7, 60, 3),
        NOTHING_MEASURED,
        {"cheese": Interval(0.3, 0.1, 0.5, 60, 3)},
        48,
        ("corner",),
    )
]


def exchange(rate=3.0, seed=0):
    """Agents that go about so many steps further for the cheese."""
    chance = np.random.default_rng(seed)
    steps = np.repeat(np.arange(-8.0, 9.0), 12)
    chose = (chance.random((5, len(steps))) < 1 / (1 + np.exp(steps - rate))).astype(float)
    return rate_of(Choices(steps, chose), "cheese", "corner", resamples=50)


def full():
    """Everything there may be."""
    whole = shift(inference=inference(), tail=TAIL, excess=EXCESS, lacking=["Nobody looked inside the agents."])
    return reasons(GOALS, whole, exchange(), EFFORTS, ANSWERS)


def by_order():
    """What there is where goals could not be inferred."""
    aims = [Aim(goal=goal, weight=number(share, 0, 1)) for goal, share in zip(GOALS, (0.1, 0.8, 0.0), strict=True)]
    found = inference(source="order", aims=aims, course=[], explained=None, described="", gain=None)
    return reasons(GOALS, shift(inference=found, lacking=["Levels are no tables of states."]))


def page(*found):
    """The sample with reasons for its verdicts, in their order."""
    whole = sample()
    cards = [card.model_copy(update={"reasons": each}) for card, each in zip(whole.verdicts, found, strict=False)]
    return p.Payload.model_validate(whole.model_copy(update={"verdicts": (*cards, *whole.verdicts[len(cards) :])}))


def attacked(whole):
    """The same page with an attack at the end of every free text, in the reasons too."""

    def spoiled(value):
        if isinstance(value, dict):
            return {key: spoiled(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [spoiled(inner) for inner in value]
        return value + HOSTILE if value and isinstance(value, str) else value

    data = whole.model_dump()
    found = [card.pop("reasons") for card in data["verdicts"]]
    data = hostile(data)
    for card, each in zip(data["verdicts"], found, strict=True):
        card["reasons"] = spoiled(each)
    return p.Payload.model_validate(data)
