"""One rollout pass over a fixed, hashed set of held-out levels of every setting, all goals scored."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from trueaim.audit.references import References, references
from trueaim.core.episodes import Episodes, joined
from trueaim.core.errors import TrueAimError
from trueaim.core.keys import root, stream
from trueaim.core.levels import audit_levels, level_hashes, table_hash
from trueaim.core.policy import Policy
from trueaim.core.scenario import Scenario
from trueaim.training.rollout import Results, play


class LevelSet(NamedTuple):
    """The levels on which policies are audited in one setting, with their yardsticks."""

    levels: Any
    hashes: list[str]
    whole: str
    references: References


def level_sets(scenario: Scenario, num_levels: int, seed: int) -> dict[str, LevelSet]:
    """The audit's levels by setting: the same for every policy, and never a layout that training saw."""
    if num_levels < 2:
        raise TrueAimError(f"levels: got {num_levels}, needs at least 2; ask for more")
    sets = {}
    for name, setting in scenario.settings.items():
        key = stream(root(seed), f"audit {name}")
        levels = audit_levels(scenario, setting, key, num_levels)
        yardsticks = references(scenario, levels, stream(key, "references"))
        sets[name] = LevelSet(levels, level_hashes(levels), table_hash(levels), yardsticks)
    return sets


def collect(
    policy: Policy,
    scenario: Scenario,
    sets: Mapping[str, LevelSet],
    seed: int,
    show: Callable[[str], None] = lambda setting: None,
) -> Episodes:
    """The episodes of all agents on all levels.

    Args:
        policy: whose episodes.
        scenario: the rules.
        sets: the levels.
        seed: of the actions.
        show: told the name of each setting before it is played.
    """
    parts = []
    for name, levels in sets.items():
        show(name)
        results = play(scenario, policy, levels.levels, stream(root(seed), f"episodes {name}"))
        parts.append(_rows(policy, scenario, name, levels, results))
    return joined(parts)


def _rows(policy: Policy, scenario: Scenario, name: str, levels: LevelSet, results: Results) -> Episodes:
    num_agents, num_levels = np.shape(results.length)

    def flat(table: Any) -> np.ndarray:
        array = np.asarray(table)
        return array.reshape(num_agents * num_levels, *array.shape[2:])

    def each(table: np.ndarray) -> np.ndarray:
        return np.tile(table, (num_agents,) + (1,) * (table.ndim - 1))

    return Episodes(
        goals=scenario.goal_names,
        setting=np.full(num_agents * num_levels, name),
        agent=np.repeat(np.array(policy.seeds, np.int64), num_levels),
        level=each(np.arange(num_levels, dtype=np.int64)),
        level_hash=each(np.array(levels.hashes)),
        length=flat(results.length).astype(np.int64),
        terminated=flat(results.terminated),
        place=flat(results.place).astype(np.int64),
        returns=flat(results.returns).astype(np.float64),
        first=flat(results.first).astype(np.int64),
        optimal=each(levels.references.optimal),
        uniform=each(levels.references.uniform),
        classes=each(levels.references.classes),
    )
