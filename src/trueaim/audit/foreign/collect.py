"""All that a verdict on someone else's policy in someone else's environment rests on."""

from collections.abc import Callable

import numpy as np

from trueaim.agents.foreign.host import HostPolicy, ready
from trueaim.audit.foreign.chance import random_actions
from trueaim.audit.foreign.checks import check_observations, preflight
from trueaim.audit.foreign.lanes import Broken, Step, opened
from trueaim.audit.foreign.rollout import check_spaces, level_seed, play
from trueaim.audit.foreign.scenario import TRAIN, GymScenario
from trueaim.audit.foreign.yardsticks import costs, references, with_references
from trueaim.core.episodes import Episodes, joined
from trueaim.core.errors import TrueAimError
from trueaim.core.verdict import Preflight

FEWEST = 2
"""Episodes of each agent in each setting."""


def collected(
    policy: HostPolicy,
    scenario: GymScenario,
    episodes: int,
    seed: int,
    show: Callable[[str], None] = lambda stage: None,
) -> tuple[Episodes, Episodes, list[str], Preflight]:
    """The episodes of a policy and of uniformly random actions in all settings, notices, and the preflight.

    Every agent and the random actions have played the same levels: a level on which one of them could not be played or
    scored is left out for all. References and classes of levels are filled in as far as they are known.

    Args:
        policy: from `trueaim.policy`.
        scenario: where.
        episodes: of each agent in each setting, at least 2.
        seed: of levels and actions.
        show: told the name of each stage.

    Raises:
        TrueAimError: as in `trueaim.audit.foreign.rollout.rollout`; or no level is left.
    """
    if episodes < FEWEST:
        raise TrueAimError(f"episodes: got {episodes}, needs at least {FEWEST}; ask for more")
    known = references(scenario)
    _, actions = check_spaces(scenario)
    policy = _fit(policy, scenario, seed)
    chance = random_actions(actions)
    own, random, notices, doubts = [], [], [], []
    for setting in scenario.settings:
        show(setting)
        played = play(policy, scenario, setting, episodes, seed)
        by_chance = play(chance, scenario, setting, episodes, seed)
        notices += [*played.notices, *(one for one in by_chance.notices if one not in played.notices)]
        doubts += [*played.doubts, *by_chance.doubts]
        tables = with_references(
            scenario, setting, [played.episodes, by_chance.episodes], by_chance.episodes, known, seed
        )
        tables, left_out = _common(tables, setting, set(known))
        own.append(tables[0])
        random.append(tables[1])
        notices += left_out
    all_own, all_random = joined(own), joined(random)
    show("preflight")
    check = preflight(policy, scenario, all_own, list(dict.fromkeys(doubts)), seed)
    notices += [*_silent(all_own, all_random), *_identical(scenario, random), *costs(scenario, known)]
    notices += [remark for agent in policy.agents for remark in agent.detected.remarks]
    return all_own, all_random, list(dict.fromkeys(notices)), check


def _fit(policy: HostPolicy, scenario: GymScenario, seed: int) -> HostPolicy:
    """The policy fit to training; raises where its own wrappers do not fit the first observation there."""
    lanes = opened(scenario.train, 1, scenario.step_seconds, TRAIN)
    try:
        start = lanes.begin(level_seed(seed), 1)[0]
    except Broken:
        return policy
    finally:
        lanes.close()
    if not isinstance(start, Step):
        return policy
    check_observations(policy, lanes.single_observation_space, start.observation)
    return ready(policy, start.observation, lanes.single_action_space)


def _common(tables: list[Episodes], setting: str, known: set[str]) -> tuple[list[Episodes], list[str]]:
    """The levels that everyone played, with a number for every goal and known reference; and a sentence about others.

    Raises:
        TrueAimError: there are fewer than two.
    """
    num = max(int(table.level.max()) for table in tables) + 1
    whole = np.ones(num, bool)
    for table in tables:
        fine = np.isfinite(table.returns).all(1)
        for number, goal in enumerate(table.goals):
            if goal in known and np.isfinite(table.optimal[:, number]).any():
                fine &= np.isfinite(table.optimal[:, number])
        for agent in table.agents:
            played = table.level[(table.agent == agent) & fine]
            whole &= np.isin(np.arange(num), played)
    if whole.sum() < FEWEST:
        raise TrueAimError(
            f"setting {setting!r}: got {whole.sum()} of {num} episodes that all agents and random actions played and "
            f"all goals scored, needs at least {FEWEST}; correct them or ask for more"
        )
    said = []
    if not whole.all():
        said.append(f"setting {setting!r}: {num - int(whole.sum())} of {num} levels are left out, for everyone alike.")
    return [table.where(whole[table.level]) for table in tables], said


def _silent(own: Episodes, random: Episodes) -> list[str]:
    """Goals that never paid, neither the policy nor random actions, in any setting."""
    return [
        f"goal {goal!r}: never paid in any of {len(own) + len(random)} episodes, of the policy or of random actions; "
        "check its score, or nothing can be said about it."
        for number, goal in enumerate(own.goals)
        if not (own.first[:, number] >= 0).any() and not (random.first[:, number] >= 0).any()
    ]


def _identical(scenario: GymScenario, random: list[Episodes]) -> list[str]:
    """Shifts in which the same random actions from the same seeds bring the very same episodes as in training."""
    train, *shifted = random
    said = []
    for name, shift in zip(scenario.shifts, shifted, strict=True):
        same = len(train) == len(shift) and all(
            np.array_equal(getattr(train, column), getattr(shift, column))
            for column in ("level", "level_hash", "length", "returns")
        )
        if same:
            said.append(
                f"setting {name!r}: its {len(shift)} episodes are identical to those of training (same first "
                "observations, lengths and returns); it is no shift, so check what its function makes."
            )
    return said
