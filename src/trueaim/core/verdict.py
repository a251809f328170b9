"""The verdict: what the episodes show about a policy, with intervals, evidence and what would change it."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION = 3


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
            return f"{self.value:.2f}"
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


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
        weights: share of distinguishing episodes in which each goal came first, for a mixture.
        reason: why nothing else could be said, or what the unlisted goal looks like.
        evidence: sentences a person can check.
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
    evidence: list[str] = []
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
