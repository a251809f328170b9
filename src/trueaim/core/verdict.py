"""The verdict: what the episodes show about a policy, with intervals, evidence and what would change it."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION = 4


class Kind(StrEnum):
    """What a verdict can be; never a bare boolean."""

    ALIGNED = "aligned"
    MISGENERALIZED = "misgeneralized"
    MIXED = "mixed"
    UNLISTED_GOAL = "unlisted_goal"
    INCAPABLE = "incapable"
    UNDETERMINED = "undetermined"


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Number(_Data):
    """A measured number with its 95% interval; None (with a count of 0) where there is no data.

    Attributes:
        count: episodes behind it.
        agents: independently trained agents behind it, the unit of the interval.
    """

    value: float | None
    low: float | None
    high: float | None
    count: int
    agents: int

    def __str__(self) -> str:
        if self.value is None:
            return "no data"
        if self.low is None or self.high is None:
            return _hundredths(self.value)
        return f"{_hundredths(self.value)} [{_hundredths(self.low)}, {_hundredths(self.high)}]"


def _hundredths(value: float) -> str:
    """Two digits after the point; what rounds to zero has no sign."""
    return f"{round(value, 2) + 0.0:.2f}"


class Numbers(_Data):
    """The three numbers that always stand beside a verdict, as shares of what is optimal for the goal in question.

    For a goal that also charges, a share of 0 is what random actions get; for others it is a return of 0.

    Attributes:
        intended: intended return on levels that necessarily distinguish it from `rival_goal`.
        rival: that rival's return on the same levels.
        control: intended return on the non-distinguishing levels of the same shift: the capability control.
        random_intended, random_rival, random_control: what uniformly random actions get there.
    """

    intended: Number
    rival: Number
    rival_goal: str | None
    control: Number
    random_intended: float | None
    random_rival: float | None
    random_control: float | None


class Counts(_Data):
    """How many levels of a setting are of each class, for the pair (intended, rival)."""

    levels: int
    necessarily: int
    possibly: int
    non: int
    unsolvable: int


class Excess(_Data):
    """What is lost of the intended goal where goals part, beyond what is lost for want of skill.

    Attributes:
        value: mean excess regret, in shares of what is optimal, between -1 and 1.
        lost_after: distinguishing levels until a test that may look after each accepted that this is more than the
            margin for losing; None if it did not.
        kept_after: the same for less than the margin for keeping.
        looks: distinguishing levels there were.
        matched: whether skill was measured on non-distinguishing levels, or by whichever goal was served better.
    """

    value: Number
    lost_after: int | None
    kept_after: int | None
    looks: int
    matched: bool


class Aim(_Data):
    """One goal, or the class of devices, as an explanation of what the agents did.

    Attributes:
        goal: its name, or "device".
        weight: the share of distinguishing levels on which it is the one that is pursued.
        belief: the posterior of an agent with one goal, averaged over agents; None where goals were not inferred.
        nats: nats per decision above uniform actions, averaged over agents; likewise.
    """

    goal: str
    weight: Number
    belief: float | None = None
    nats: float | None = None


class Inference(_Data):
    """What was inferred about the agents' goals on the distinguishing levels.

    Attributes:
        source: "decisions", held against plans for every goal, or "payment": of which goal the agents got most.
        aims: every goal, then the device class where there is one.
        explained: share of the attainable nats that the goals behind the levels explain; None by payment.
        described: a goal that explains more than the listed ones do, in words, or "".
        gain: nats per decision by which it does, averaged over agents; None where none was looked for.
        levels: distinguishing levels.
        decisions: counted decisions of all agents on them.
        course: belief in each aim after each of the first levels, averaged over agents.
        same: groups of goals that ask for the same moves on these levels: they share the weight between them.
    """

    source: str
    aims: list[Aim]
    explained: Number | None = None
    described: str = ""
    gain: float | None = None
    levels: int = 0
    decisions: int = 0
    course: list[list[float]] = []
    same: list[list[str]] = []


class Tail(_Data):
    """How intended regret is spread over the distinguishing levels.

    Attributes:
        thresholds: regrets, from 0 to 1.
        share: of the levels on which there is more, averaged over agents.
        low, high: its 95% bounds.
        worst: mean regret on the worst tenth of each agent's levels (CVaR).
        middle: interquartile mean of the intended share over all agents and levels, blind to tails.
    """

    thresholds: list[float]
    share: list[float]
    low: list[float]
    high: list[float]
    worst: Number
    middle: Number


class OfAgent(_Data):
    """What the same rule says of one agent alone, by its own numbers (shares of optimal)."""

    agent: int
    kind: Kind
    goal: str | None
    intended: float | None
    rival: float | None
    control: float | None


class OfShift(_Data):
    """The verdict on one shift setting.

    Attributes:
        goal: the goal pursued, where one is named.
        weights: share of distinguishing levels on which each goal is pursued, for a mixture.
        reason: why nothing else could be said, or what the unlisted goal looks like.
        excess, inference, tail: see there; None where nothing could be judged.
        evidence: sentences a person can check.
        lacking: evidence that could not be had, and what that costs.
        would_change: what would change this verdict.
    """

    setting: str
    kind: Kind
    goal: str | None = None
    weights: dict[str, float] = {}
    reason: str = ""
    numbers: Numbers
    counts: Counts
    agents: list[OfAgent] = []
    excess: Excess | None = None
    inference: Inference | None = None
    tail: Tail | None = None
    evidence: list[str] = []
    lacking: list[str] = []
    would_change: list[str] = []

    @property
    def label(self) -> str:
        """The verdict in the form `misgeneralized(corner)`."""
        if self.kind is Kind.MIXED:
            return f"mixed({', '.join(f'{goal} {weight:.2f}' for goal, weight in self.weights.items())})"
        inside = self.goal if self.kind is Kind.MISGENERALIZED else self.reason
        return f"{self.kind}({inside})" if inside and self.kind is not Kind.ALIGNED else str(self.kind)


class Line(_Data):
    """One goal on one setting, over all solvable levels.

    Attributes:
        share: return as a share of optimal.
        normalized: the same with 0 at uniformly random actions.
        regret: 1 - share.
        reached: share of episodes in which the goal paid.
        first: share of episodes in which it paid before any other goal.
        optimal, random: mean returns of the references, undivided.
        optimum_is: where the optimum comes from: "exact", whose play it is, or "none".
    """

    setting: str
    goal: str
    share: Number
    normalized: Number
    regret: Number
    reached: Number
    first: Number
    optimal: float | None
    random: float | None
    optimum_is: str = ""


class Preflight(_Data):
    """Whether the audit sees the policy that training saw: the in-distribution return, logged and measured again."""

    passed: bool | None
    sentence: str


class Verdict(_Data):
    """What an audit found.

    Attributes:
        goals: names, the intended one first.
        shifts: one verdict for each shift setting; the first is the headline.
        table: every goal on every setting.
        preflight: the check that comes before any verdict.
        level_hashes: one hash for the whole set of levels of each setting.
        warnings: what a skeptical reader should know.
    """

    schema_version: int = SCHEMA_VERSION
    scenario: str
    policy: str
    agents: list[int]
    goals: list[str]
    shifts: list[OfShift]
    table: list[Line]
    preflight: Preflight
    level_hashes: dict[str, str]
    warnings: list[str] = []

    @property
    def headline(self) -> OfShift:
        """The verdict on the first shift."""
        return self.shifts[0]

    @property
    def kind(self) -> Kind:
        """The kind of the headline."""
        return self.headline.kind

    def __str__(self) -> str:
        return "\n".join(line_of(self.goals[0], shift) for shift in self.shifts)


def line_of(intended: str, shift: OfShift) -> str:
    """A verdict with its three numbers, on one line."""
    numbers = shift.numbers
    rival = f"  {numbers.rival_goal} {numbers.rival}" if numbers.rival_goal else ""
    return f"{shift.label}  {intended} {numbers.intended}{rival}  control {numbers.control}  ({shift.setting})"
