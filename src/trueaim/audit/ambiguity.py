"""How much a training distribution leaves open: which goals its levels cannot tell apart, and what it would take.

This looks at levels alone, before anything is trained. For a goal that is pursued and a goal that is judged, take a
policy that is optimal for the first: what does it lose of the second on training levels? Where it loses nothing, reward
for the second cannot teach that the first is wrong; that is underspecification (D'Amour et al. 2022, JMLR 23:226), here
as a number. `Breaking` turns it around: what share of levels from a shift setting makes the loss matter.

Losses are exact where a scenario offers a planner, else those of its experts: see `trueaim.audit.costs`.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from trueaim.audit.costs import UNCLASSIFIED, Compared, compare
from trueaim.audit.intervals import CONFIDENCE, NOTHING, RESAMPLES, SEED, Interval, wilson
from trueaim.audit.statistics import ratio
from trueaim.core.errors import TrueAimError
from trueaim.core.keys import root, stream
from trueaim.core.levels import LevelClass, training_levels
from trueaim.core.scenario import Scenario

LEVELS = 1024
LEVELS_SEED = 7
MATTERS = 0.1
"""Share of the intended return whose loss matters."""


class Pair(NamedTuple):
    """What pursuing one goal means for another on these levels.

    Attributes:
        pursued, judged: names of the goals.
        non, possibly, necessarily: shares of the levels of each `LevelClass`, of those on which the judged goal can be
            had, with Wilson's intervals.
        unsolvable: on how many levels it cannot, or nobody knows what it is worth.
        least, most: what policies that are optimal for the pursued goal lose of the judged return, summed over levels,
            as a share of what is to be gained: with the best and with the worst choice among equally good plans. As an
            expert plays the two are the same. Intervals are over levels.
    """

    pursued: str
    judged: str
    non: Interval
    possibly: Interval
    necessarily: Interval
    unsolvable: int
    least: Interval
    most: Interval


class Breaking(NamedTuple):
    """How many levels of a shift setting, mixed into training, make pursuing a rival cost enough to matter.

    Attributes:
        rival, setting: names.
        in_training, on_shift: share of the intended return that is lost on levels of either setting alone, by the best
            policy for the rival.
        share: of shift levels in the mixture at which the loss is `Ambiguity.matters`; 0 where training alone costs as
            much, NaN where even the shift alone does not. An upper bound of 1 says that no share is sure to do; no
            bounds, that none will.
        check: the loss on newly drawn levels of that mixture; nothing where there is no share.
    """

    rival: str
    setting: str
    in_training: Interval
    on_shift: Interval
    share: Interval
    check: Interval


class Ambiguity(NamedTuple):
    """An audit of a training distribution.

    Attributes:
        scenario: its name.
        goals: their names, the intended one first.
        levels: how many were drawn from each distribution.
        alpha, toward: the share of training levels from this shift setting.
        seed: of the levels.
        matters: the share of the intended return whose loss matters.
        is_exact: whether losses are a planner's; else experts played.
        pairs: all ordered pairs of different goals of which something is known.
        groups: goals that no level tells apart, in either direction; each is in at most one.
        breaking: for each rival and shift setting; always starting from training levels without a mixture.
        missing: what could not be said, in sentences.
    """

    scenario: str
    goals: tuple[str, ...]
    levels: int
    alpha: float
    toward: str
    seed: int
    matters: float
    is_exact: bool
    pairs: tuple[Pair, ...]
    groups: tuple[tuple[str, ...], ...]
    breaking: tuple[Breaking, ...]
    missing: tuple[str, ...]

    def pair(self, pursued: str, judged: str) -> Pair | None:
        """What is known of this pair."""
        return next((pair for pair in self.pairs if (pair.pursued, pair.judged) == (pursued, judged)), None)


Side = tuple[Float[np.ndarray, " level"], Float[np.ndarray, " level"]]
"""Loss and worth of one goal on the levels of one setting."""


def ambiguity(
    scenario: Scenario,
    *,
    levels: int = LEVELS,
    alpha: float = 0.0,
    toward: str | None = None,
    matters: float = MATTERS,
    seed: int = LEVELS_SEED,
    show: Callable[[str], None] = lambda stage: None,
) -> Ambiguity:
    """What a training distribution leaves open.

    Args:
        scenario: with a planner, a yardstick or experts.
        levels: drawn from each distribution; as training draws them, so never with a held-out layout.
        alpha: share of training levels from the shift setting `toward`, 0 to 1.
        toward: name of that setting; the first shift by default.
        matters: share of the intended return whose loss matters.
        seed: of the levels.
        show: told the name of each stage.

    Raises:
        TrueAimError: where nothing says what goals are worth, and for numbers out of range.
    """
    _check(scenario)
    check_numbers(levels, alpha, matters)
    toward = toward or next(iter(scenario.shifts))
    scenario.setting(toward)
    key = stream(root(seed), "ambiguity")

    def compared(stage: str, share: float, setting: str) -> Compared:
        show(stage)
        drawn = _drawer(scenario, levels, setting)(stream(key, f"levels: {stage}"), share)
        return compare(scenario, drawn, stream(key, f"play: {stage}"))

    plain = compared("train", 0.0, toward)
    mixed = plain if alpha == 0 else compared(f"train with {alpha:g} of {toward}", alpha, toward)
    shifts = {name: compared(name, 1.0, name) for name in scenario.shifts}
    pairs = _pairs(scenario, mixed)
    breaking = [
        _breaking(scenario, rival, name, plain, shifts[name], matters, compared)
        for rival in range(1, len(scenario.goals))
        for name in scenario.shifts
        if np.isfinite(plain.least[:, rival, 0]).all()
    ]
    return Ambiguity(
        scenario=scenario.name,
        goals=scenario.goal_names,
        levels=levels,
        alpha=alpha,
        toward=toward,
        seed=seed,
        matters=matters,
        is_exact=scenario.planner is not None,
        pairs=tuple(pairs),
        groups=tuple(groups(scenario.goal_names, pairs)),
        breaking=tuple(breaking),
        missing=tuple(_missing(scenario, mixed)),
    )


def groups(goals: tuple[str, ...], pairs: list[Pair]) -> list[tuple[str, ...]]:
    """Goals that no level tells apart, whichever of the two is pursued; in groups of at least two."""
    same = {(pair.pursued, pair.judged) for pair in pairs if pair.non.value == 1}
    left, found = list(goals), []
    while left:
        group = [left.pop(0)]
        for member in group:
            group += [goal for goal in left if {(goal, member), (member, goal)} <= same and goal not in group]
        left = [goal for goal in left if goal not in group]
        if len(group) > 1:
            found.append(tuple(goal for goal in goals if goal in group))
    return found


def share_needed(
    matters: float,
    train: tuple[Float[np.ndarray, "*draw"], Float[np.ndarray, "*draw"]],
    shift: tuple[Float[np.ndarray, "*draw"], Float[np.ndarray, "*draw"]],
) -> Float[np.ndarray, "*draw"]:
    """The share alpha of shift levels at which the mixture loses so much: 0 to 1, infinite where no share does.

    With mean loss l and mean worth w per level of each setting, it solves
    ((1 - alpha) l_train + alpha l_shift) = matters ((1 - alpha) w_train + alpha w_shift).

    Args:
        matters: share of the worth that is to be lost.
        train: mean loss and mean worth per training level.
        shift: the same on shift levels.
    """
    spare, lack = matters * train[1] - train[0], shift[0] - matters * shift[1]
    enough = spare / np.where(lack > 0, lack + np.maximum(spare, 0), 1.0)
    return np.asarray(np.where(spare <= 0, 0.0, np.where(lack > 0, enough, np.inf)))


@lru_cache(maxsize=64)
def _drawer(scenario: Scenario, num: int, toward: str) -> Any:
    return jax.jit(lambda key, alpha: training_levels(scenario, key, num, alpha, toward))


def _pairs(scenario: Scenario, found: Compared) -> list[Pair]:
    names = scenario.goal_names
    return [
        pair_of(names, found, pursued, judged)
        for pursued in range(len(names))
        for judged in range(len(names))
        if pursued != judged and (found.classes[:, pursued, judged] != UNCLASSIFIED).all()
    ]


def pair_of(names: tuple[str, ...], found: Compared, pursued: int, judged: int) -> Pair:
    """What pursuing one goal means for another, by their numbers; both must be known on all levels."""
    classes = found.classes[:, pursued, judged]
    counts = {kind: int((classes == int(kind)).sum()) for kind in LevelClass}
    num = len(classes) - counts[LevelClass.UNSOLVABLE]
    non, possibly, necessarily = (
        wilson(counts[kind], num) for kind in (LevelClass.NON, LevelClass.POSSIBLY, LevelClass.NECESSARILY)
    )
    least, most = (loss_of(each[:, pursued, judged], found.worth[:, judged]) for each in (found.least, found.most))
    return Pair(
        pursued=names[pursued],
        judged=names[judged],
        non=non,
        possibly=possibly,
        necessarily=necessarily,
        unsolvable=counts[LevelClass.UNSOLVABLE],
        least=least,
        most=most,
    )


def loss_of(lost: Float[np.ndarray, " level"], worth: Float[np.ndarray, " level"]) -> Interval:
    """The sum of losses over the sum of what is to be gained, with its interval over levels."""
    judged = worth > 0
    number = ratio(lost[None, judged], worth[None, judged])
    if number.value is None:
        return NOTHING
    low, high = (np.nan if bound is None else bound for bound in (number.low, number.high))
    return Interval(number.value, low, high, number.count, number.count)


def _breaking(
    scenario: Scenario,
    rival: int,
    setting: str,
    train: Compared,
    shift: Compared,
    matters: float,
    compared: Callable[[str, float, str], Compared],
) -> Breaking:
    name = scenario.goal_names[rival]
    sides = [(found.least[:, rival, 0], found.worth[:, 0]) for found in (train, shift)]
    share, check = share_of(matters, *sides), NOTHING
    if np.isfinite(share.value):
        mixture = compared(f"{share.value:.3f} of {setting} against {name}", share.value, setting)
        check = loss_of(mixture.least[:, rival, 0], mixture.worth[:, 0])
    in_training, on_shift = (loss_of(*side) for side in sides)
    return Breaking(name, setting, in_training, on_shift, share, check)


def share_of(matters: float, train: Side, shift: Side) -> Interval:
    """`share_needed` with its bootstrap interval: levels of either setting are drawn again."""
    chance = np.random.default_rng(SEED)
    value = float(share_needed(matters, _means(train), _means(shift)))
    drawn = np.minimum(share_needed(matters, _means(train, chance), _means(shift, chance)), 1.0)
    tail = (1 - CONFIDENCE) / 2
    low, high = (float(bound) for bound in np.quantile(drawn, [tail, 1 - tail]))
    num = len(train[0]) + len(shift[0])
    if low >= 1:
        low = high = np.nan
    return Interval(value if value <= 1 else np.nan, low, high, num, num)


def _means(side: Side, chance: np.random.Generator | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Mean loss and mean worth per level; of every resample, if there is chance."""
    num = len(side[0])
    weights = np.ones(num) if chance is None else chance.multinomial(num, np.full(num, 1 / num), RESAMPLES)
    return np.asarray(weights @ side[0] / num), np.asarray(weights @ side[1] / num)


def _missing(scenario: Scenario, found: Compared) -> list[str]:
    if scenario.planner is not None:
        return []
    known = [goal for goal in scenario.goal_names if goal in scenario.experts]
    sentences = ["No exact planner: losses are those of experts as they play, who may be beaten."]
    sentences += [
        f"Nobody is known who pursues {goal}: what that costs other goals is not known."
        for goal in scenario.goal_names
        if goal not in known
    ]
    sentences += [
        f"Nothing is to be gained of {goal} as far as is known: what others cost it is not known."
        for goal, worth in zip(scenario.goal_names, found.worth.T, strict=True)
        if not worth.any()
    ]
    return sentences


def _check(scenario: Scenario) -> None:
    if scenario.planner is None and not scenario.experts:
        raise TrueAimError(
            f"{scenario.name}: got neither planner nor experts, needs one of them to say what goals cost each other; "
            "declare experts"
        )


def check_numbers(levels: int, alpha: float, matters: float) -> None:
    """Raise for numbers that no audit of levels fits."""
    if levels < 2:
        raise TrueAimError(f"levels: got {levels}, needs at least 2; ask for more")
    if not 0 <= alpha <= 1:
        raise TrueAimError(f"alpha: got {alpha:g}, needs a share from 0 to 1; change it")
    if not 0 < matters < 1:
        raise TrueAimError(f"matters: got {matters:g}, needs a share strictly between 0 and 1; try {MATTERS}")
