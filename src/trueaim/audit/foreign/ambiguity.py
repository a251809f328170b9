"""How much training leaves open in someone else's environment, before anything is trained there.

Such an environment has no planner. Policies that pursue one goal each, given as references, play the same seeded
levels instead, and the numbers of `trueaim.audit.ambiguity` follow from what every goal scored in those episodes: on
each level, the known policies that get as much of a goal as its own reference stand for all that are optimal for it. So
the numbers are bounds: of policies that nobody gave, one may lose less than the best known, another more than the
worst.

Where no policy pursues a goal, what is left is how far the goals' returns went together in whatever was played. That is
weaker: goals that agree in what one policy does, random actions for example, may part in what another does.

False alarms: a policy or environment with luck of its own seems to lose on single levels (`Luck` says how often), and a
reference that is beaten makes losses too small (said in `Ambiguity.missing`).
"""

import os
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from trueaim.agents.foreign.host import HostPolicy
from trueaim.audit.ambiguity import (
    LEVELS_SEED,
    MATTERS,
    Ambiguity,
    Breaking,
    Pair,
    check_numbers,
    groups,
    loss_of,
    pair_of,
    share_of,
)
from trueaim.audit.costs import Compared
from trueaim.audit.foreign.agreement import Agreement, agreements
from trueaim.audit.foreign.costs import RANDOM, Played, compare, mixed, optimum, play_all, players_of, pursuer
from trueaim.audit.foreign.scenario import TRAIN, GymScenario, Recorded
from trueaim.audit.foreign.trajectories import from_parquet
from trueaim.audit.foreign.verdict import EPISODES, ERRORS
from trueaim.audit.foreign.yardsticks import Reference, references
from trueaim.audit.intervals import NOTHING, Interval, wilson
from trueaim.core.episodes import Episodes
from trueaim.core.levels import CERTAIN_LOSS, NO_LOSS

RECORD = "the record"
NOISY = 0.05
"""Share of levels on which a policy may lose of its own goal by luck alone before the result says so."""


class Luck(NamedTuple):
    """On which share of training levels a reference, played again, got another return of its own goal.

    Attributes:
        goal: its name.
        share: of levels on which the two returns differ by more than 0.1 of what is to be gained, which elsewhere
            counts as a certain loss.
    """

    goal: str
    share: Interval


class ForeignAmbiguity(NamedTuple):
    """An audit of what training leaves open in someone else's environment.

    Attributes:
        measured: the numbers that follow from policies that pursue goals; without pairs where there are none such.
            Its `missing` says what evidence the numbers lack.
        agreement: of every two goals, in every setting and for every player.
        luck: for every goal that a policy pursues.
    """

    measured: Ambiguity
    agreement: tuple[Agreement, ...]
    luck: tuple[Luck, ...]


def foreign_ambiguity(
    scenario: GymScenario,
    policy: HostPolicy | None = None,
    *,
    levels: int = EPISODES,
    alpha: float = 0.0,
    toward: str | None = None,
    matters: float = MATTERS,
    seed: int = LEVELS_SEED,
    show: Callable[[str], None] = lambda stage: None,
) -> ForeignAmbiguity:
    """What training leaves open in a Gymnasium scenario.

    References play every level twice, and so does `policy`: what the second time brings is luck. Of policies with
    several agents, the first one plays.

    Args:
        scenario: where; policies among its `references` pursue their goals, numbers say what goals are worth.
        policy: any other one, whose goal need not be known.
        levels: seeded episodes of each player in each setting, at least 2; as many again for `Breaking.check`.
        alpha: share of training levels from the shift `toward`, 0 to 1.
        toward: name of that shift; the first by default.
        matters: share of the intended return whose loss matters.
        seed: of levels and actions.
        show: told the name of each stage.

    Raises:
        TrueAimError: numbers out of range, or as in `trueaim.audit.foreign.rollout.rollout`.
    """
    check_numbers(levels, alpha, matters)
    toward = toward or next(iter(scenario.shifts))
    scenario.setting(toward)
    known = references(scenario)
    players = players_of(scenario, known, policy)
    tables = [play_all(scenario, players, setting, levels, seed, show) for setting in scenario.settings]
    compared = {table.setting: compare(scenario, known, table) for table in tables}
    pairs = _pairs(scenario, known, mixed(compared[TRAIN], compared[toward], alpha))
    measured = Ambiguity(
        scenario=scenario.name,
        goals=scenario.goal_names,
        levels=levels,
        alpha=alpha,
        toward=toward,
        seed=seed,
        matters=matters,
        is_exact=False,
        pairs=tuple(pairs),
        groups=tuple(groups(scenario.goal_names, pairs)),
        breaking=tuple(_breaking(scenario, known, players, compared, levels, matters, seed, show)),
        missing=(),
    )
    luck = _luck(scenario, known, tables[0], compared[TRAIN])
    said = [*_lacking(scenario, known), *_doubts(scenario, known, tables[0], compared[TRAIN], luck)]
    said += [notice for table in tables for notice in table.notices]
    agreement = [one for table in tables for name in table.episodes for one in agreements(table.episodes[name], name)]
    return ForeignAmbiguity(measured._replace(missing=tuple(dict.fromkeys(said))), tuple(agreement), luck)


def recorded_ambiguity(source: str | os.PathLike[str] | Episodes, scenario: Recorded) -> ForeignAmbiguity:
    """How far the goals went together in recorded episodes: a record says no more, as nobody can play there again.

    Args:
        source: a Parquet file of steps, or episodes made of one or of Minari datasets.
        scenario: goals and settings.

    Raises:
        DamagedError: the file is no such record.
        TrueAimError: a goal that gives no number in any episode.
    """
    if isinstance(source, Episodes):
        episodes, notices = source, list[str]()
    else:
        episodes, notices = from_parquet(source, scenario.goals, scenario.discount)
    levels = len(set(episodes.of(TRAIN).level.tolist()))
    shift = next(iter(scenario.shifts))
    lacking = "A record cannot be played again: what pursuing one goal costs another is not known."
    measured = Ambiguity(
        scenario.name, scenario.goal_names, levels, 0.0, shift, 0, MATTERS, False, (), (), (), (lacking, *notices)
    )
    tables = [episodes.of(setting) for setting in scenario.settings if setting in episodes.setting]
    found = [one for table in tables for one in agreements(table, RECORD)]
    return ForeignAmbiguity(measured, tuple(found), ())


def _pairs(scenario: GymScenario, known: Mapping[str, Reference], found: Compared) -> list[Pair]:
    """All ordered pairs of which something is known; a number cannot tell which levels part anything."""
    names, pairs = scenario.goal_names, []
    for pursued in range(len(names)):
        for judged, goal in enumerate(names):
            if pursued == judged or not np.isfinite(found.least[:, pursued, judged]).all():
                continue
            pair = pair_of(names, found, pursued, judged)
            if not isinstance(known[goal], HostPolicy):
                pair = pair._replace(non=NOTHING, possibly=NOTHING, necessarily=NOTHING)
            pairs.append(pair)
    return pairs


def _breaking(
    scenario: GymScenario,
    known: Mapping[str, Reference],
    players: Mapping[str, HostPolicy],
    compared: Mapping[str, Compared],
    levels: int,
    matters: float,
    seed: int,
    show: Callable[[str], None],
) -> list[Breaking]:
    """For every rival and shift of which losses are known, checked on newly drawn levels of both settings."""
    fresh: dict[str, Compared] = {}

    def newly(setting: str) -> Compared:
        if setting not in fresh:
            again = lambda stage: show(f"new levels, {stage}")  # noqa: E731
            fresh[setting] = compare(scenario, known, play_all(scenario, players, setting, levels, seed + 1, again))
        return fresh[setting]

    found = []
    for rival, name in enumerate(scenario.goal_names[1:], start=1):
        for setting in scenario.shifts:
            sides = [(one.least[:, rival, 0], one.worth[:, 0]) for one in (compared[TRAIN], compared[setting])]
            if not all(np.isfinite(lost).all() for lost, _ in sides):
                continue
            share, check = share_of(matters, *sides), NOTHING
            if np.isfinite(share.value):
                check = _checked(newly(TRAIN), newly(setting), rival, share.value)
            in_training, on_shift = (loss_of(*side) for side in sides)
            found.append(Breaking(name, setting, in_training, on_shift, share, check))
    return found


def _checked(train: Compared, shift: Compared, rival: int, share: float) -> Interval:
    """What pursuing a rival loses on a mixture, every level weighed by its setting's share."""
    parts = [(train, 1 - share), (shift, share)]
    lost, worth = (
        np.concatenate([column(one) * weight / len(one.worth) for one, weight in parts if weight > 0])
        for column in (lambda one: one.least[:, rival, 0], lambda one: one.worth[:, 0])
    )
    return loss_of(lost, worth)


def _luck(scenario: GymScenario, known: Mapping[str, Reference], table: Played, found: Compared) -> tuple[Luck, ...]:
    """How far each reference repeats itself on training levels."""
    luck = []
    for number, goal in enumerate(scenario.goal_names):
        if isinstance(known.get(goal), HostPolicy):
            first, second = table.returns[pursuer(goal)][..., number]
            had = found.worth[:, number] > 0
            differs = np.abs(first - second)[had] > CERTAIN_LOSS * found.worth[had, number]
            luck.append(Luck(goal, wilson(int(differs.sum()), len(differs))))
    return tuple(luck)


def _lacking(scenario: GymScenario, known: Mapping[str, Reference]) -> list[str]:
    """What evidence there is none of, as sentences."""
    played = [goal for goal in scenario.goal_names if isinstance(known.get(goal), HostPolicy)]
    said = []
    if played:
        said.append(
            "No planner: losses are bounds from the policies that played. Another policy as good for the pursued goal "
            "may lose less than the best of them, or more than the worst."
        )
    for goal in scenario.goal_names:
        if goal not in known:
            said.append(f"No policy pursues {goal}: what that costs other goals, and they it, is not known.")
        elif goal not in played:
            said.append(
                f"The reference for {goal} is a number, no policy: what pursuing it costs, and which levels tell it "
                "from other goals, is not known."
            )
    if len(played) < len(scenario.goal_names):
        said.append(
            "How far returns went together in what was played is weaker evidence: goals that agree in what one policy "
            "does may part in what another does."
        )
    return said


def _doubts(
    scenario: GymScenario, known: Mapping[str, Reference], table: Played, found: Compared, luck: tuple[Luck, ...]
) -> list[str]:
    """Why references may not be what they are given for, and goals of which nothing is to be gained, as sentences."""
    said = [
        f"The reference for {one.goal} got another return on {one.share.value:.0%} of the training levels when "
        "it played them again: single levels tell little, so look at the losses over all of them."
        for one in luck
        if one.share.value > NOISY
    ]
    mean = {name: returns.mean(0) for name, returns in table.returns.items()}
    for number, goal in enumerate(scenario.goal_names):
        if goal not in known or not np.isfinite(found.worth[:, number]).all():
            continue
        own, is_played = optimum(known[goal], goal, number, mean, TRAIN), isinstance(known[goal], HostPolicy)
        if not found.worth[:, number].any():
            said.append(f"Nothing was gained of {goal}: what others cost it is not known.")
        elif is_played and not _is_more(own, mean[RANDOM][:, number]):
            said.append(f"The reference for {goal} gets no more of it in training than random actions do.")
        said += [
            f"The reference for {goal} is beaten by {name} in training ({own.mean():.3g} against "
            f"{other[:, number].mean():.3g} of {goal}): more of it is lost than is shown."
            for name, other in mean.items()
            if name != RANDOM and _is_more(other[:, number], own)
        ]
    return said


def _is_more(one: Float[np.ndarray, " level"], other: Float[np.ndarray, " level"]) -> bool:
    """Whether returns on the same levels are surely more."""
    ahead = one - other
    return bool(ahead.mean() > max(ERRORS * ahead.std() / len(ahead) ** 0.5, NO_LOSS * abs(other.mean()), 1e-9))
