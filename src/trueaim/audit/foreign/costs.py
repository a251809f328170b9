"""What pursuing each goal costs every other in someone else's environment, as the known policies play.

Every player begins the same seeded levels. On each level, those that get as much of a goal as its own reference stand
for all policies that are optimal for it; among them, one loses least of another goal and one most.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from trueaim.agents.foreign.host import HostPolicy
from trueaim.audit.costs import UNCLASSIFIED, Compared
from trueaim.audit.foreign.chance import random_actions
from trueaim.audit.foreign.collect import FEWEST
from trueaim.audit.foreign.rollout import check_spaces, play
from trueaim.audit.foreign.scenario import GymScenario
from trueaim.audit.foreign.yardsticks import Reference
from trueaim.core.episodes import Episodes
from trueaim.core.errors import TrueAimError
from trueaim.core.levels import CERTAIN_LOSS, NO_LOSS, LevelClass, nothing_gained

RANDOM = "random actions"


class Played(NamedTuple):
    """What everyone did in one setting.

    Attributes:
        setting: its name.
        episodes: by player, all of its first play.
        returns: by player, of its plays, on the levels that everyone played to their end.
        notices: what a reader should know: episodes dropped, goals without a number.
    """

    setting: str
    episodes: dict[str, Episodes]
    returns: dict[str, Float[np.ndarray, "round level goal"]]
    notices: list[str]


def players_of(
    scenario: GymScenario, known: Mapping[str, Reference], policy: HostPolicy | None
) -> dict[str, HostPolicy]:
    """Everyone who plays, by what they are called; random actions last."""
    _, actions = check_spaces(scenario)
    players = {pursuer(goal): given for goal, given in known.items() if isinstance(given, HostPolicy)}
    if policy is not None:
        players[policy.name if policy.name not in (*players, RANDOM) else f"policy {policy.name}"] = policy
    first = {name: HostPolicy(one.name, one.agents[:1], one.seeds[:1]) for name, one in players.items()}
    return {**first, RANDOM: random_actions(actions)}


def pursuer(goal: str) -> str:
    """What the reference for a goal is called among the players."""
    return f"reference for {goal}"


def play_all(
    scenario: GymScenario,
    players: Mapping[str, HostPolicy],
    setting: str,
    levels: int,
    seed: int,
    show: Callable[[str], None],
) -> Played:
    """Random actions play once, everyone else twice; levels that one of them could not play are left out for all.

    Raises:
        TrueAimError: fewer than two levels are left, or as in `trueaim.audit.foreign.rollout.rollout`.
    """
    episodes, tables, notices = {}, {}, []
    for name, policy in players.items():
        show(f"{setting}: {name}")
        rounds = [
            play(policy, scenario, setting, levels, seed, f"{luck} of {name}")
            for luck in (("first play",) if name == RANDOM else ("first play", "second play"))
        ]
        notices += [notice for one in rounds for notice in one.notices]
        episodes[name] = rounds[0].episodes
        tables[name] = np.full((len(rounds), levels, len(scenario.goal_names)), np.nan)
        for number, one in enumerate(rounds):
            tables[name][number, one.episodes.level] = one.episodes.returns
    whole = np.all([np.isfinite(table).all((0, 2)) for table in tables.values()], 0)
    if whole.sum() < FEWEST:
        raise TrueAimError(
            f"setting {setting!r}: got {whole.sum()} of {levels} levels that everyone played and all goals scored, "
            f"needs at least {FEWEST}; correct them or ask for more"
        )
    if not whole.all():
        notices.append(f"setting {setting!r}: {(~whole).sum()} of {levels} levels are left out, for everyone alike.")
    return Played(setting, episodes, {name: table[:, whole] for name, table in tables.items()}, notices)


def compare(scenario: GymScenario, known: Mapping[str, Reference], table: Played) -> Compared:
    """What pursuing each goal costs every other on these levels, in the mean of a player's plays.

    A number as reference is what its goal is worth on every level, so that classes of single levels mean nothing then.

    Args:
        scenario: the goals.
        known: from `trueaim.audit.foreign.yardsticks.references`.
        table: what everyone did.
    """
    mean = {name: returns.mean(0) for name, returns in table.returns.items()}
    chance = mean[RANDOM]
    optimal = np.full(chance.shape, np.nan)
    for number, goal in enumerate(scenario.goal_names):
        if goal in known:
            optimal[:, number] = optimum(known[goal], goal, number, mean, table.setting)
    charges = np.array([goal.charges for goal in scenario.goals])
    worth = optimal - np.where(charges, nothing_gained(optimal, chance.mean(0)), 0.0)
    least, most = _lost(scenario, known, mean, optimal, worth)
    gone = ~(worth > 0) & np.isfinite(worth)
    least, most = (np.where(gone[:, None], 0.0 * lost, lost) for lost in (least, most))
    classes = np.full(least.shape, int(LevelClass.POSSIBLY))
    classes[most <= NO_LOSS * worth[:, None]] = int(LevelClass.NON)
    classes[least > CERTAIN_LOSS * worth[:, None]] = int(LevelClass.NECESSARILY)
    classes[np.broadcast_to(gone[:, None], classes.shape)] = int(LevelClass.UNSOLVABLE)
    classes[~np.isfinite(least)] = UNCLASSIFIED
    return Compared(classes, least, most, np.where(gone, 0.0, worth))


def optimum(
    given: Reference, goal: str, number: int, mean: Mapping[str, Float[np.ndarray, "level goal"]], setting: str
) -> Float[np.ndarray, " level"]:
    """The return of a goal that its reference says can be had on each level: what it got, or the number that it is."""
    if isinstance(given, HostPolicy):
        return mean[pursuer(goal)][:, number]
    levels = len(next(iter(mean.values())))
    return np.full(levels, given if isinstance(given, float) else given.get(setting, np.nan))


def _lost(
    scenario: GymScenario,
    known: Mapping[str, Reference],
    mean: Mapping[str, Float[np.ndarray, "level goal"]],
    optimal: Float[np.ndarray, "level goal"],
    worth: Float[np.ndarray, "level goal"],
) -> tuple[Float[np.ndarray, "level pursued judged"], Float[np.ndarray, "level pursued judged"]]:
    """The smallest and the largest loss of each goal among those that get as much of the pursued one as its reference.

    NaN where no policy pursues the one or nothing says what the other is worth.
    """
    num, goals = optimal.shape
    least, most = np.full((2, num, goals, goals), np.nan)
    if len(mean) == 1:
        return least, most
    got = np.stack([returns for name, returns in mean.items() if name != RANDOM])
    for pursued, goal in enumerate(scenario.goal_names):
        if isinstance(known.get(goal), HostPolicy):
            enough = optimal[:, pursued] - NO_LOSS * np.maximum(worth[:, pursued], 0.0)
            equal = (got[..., pursued] >= enough)[..., None]
            least[:, pursued] = np.where(equal, optimal - got, np.inf).min(0)
            most[:, pursued] = np.where(equal, optimal - got, -np.inf).max(0)
    return least, most


def mixed(train: Compared, shift: Compared, alpha: float) -> Compared:
    """As many levels as in training, a share of them of the shift; no two have the same reset seed."""
    num = min(len(train.worth), len(shift.worth))
    kept = num - round(alpha * num)
    if kept == num:
        return train
    return Compared(*(np.concatenate([one[:kept], other[kept:num]]) for one, other in zip(train, shift, strict=True)))
