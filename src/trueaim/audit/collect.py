"""One rollout pass over a fixed, hashed set of held-out levels of every setting, all goals scored."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Int

from trueaim.audit.references import References, references
from trueaim.core.episodes import Episodes, joined
from trueaim.core.errors import TrueAimError
from trueaim.core.keys import root, stream
from trueaim.core.levels import audit_levels, level_hashes, table_hash
from trueaim.core.policy import Policy
from trueaim.core.scenario import Scenario
from trueaim.training.rollout import Results, play, walk


class LevelSet(NamedTuple):
    """The levels on which policies are audited in one setting, with their yardsticks.

    Attributes:
        levels: the table.
        hashes: of each level.
        whole: of all.
        references: what goals are worth on them.
        first: the number of the first one; above 0 for a later part of a set.
    """

    levels: Any
    hashes: list[str]
    whole: str
    references: References
    first: int = 0

    def part(self, rows: slice) -> "LevelSet":
        """Some of the levels, that keep their numbers."""
        start = rows.start or 0
        levels, hashes = jax.tree.map(lambda table: table[rows], self.levels), self.hashes[rows]
        return LevelSet(levels, hashes, table_hash(levels), self.references.rows(rows), self.first + start)


def level_sets(
    scenario: Scenario, num_levels: int, seed: int, settings: tuple[str, ...] | None = None
) -> dict[str, LevelSet]:
    """The audit's levels by setting (all by default): the same for every policy, no layout that training saw."""
    if num_levels < 2:
        raise TrueAimError(f"levels: got {num_levels}, needs at least 2; ask for more")
    sets = {}
    for name in settings or scenario.settings:
        setting = scenario.setting(name)
        key = stream(root(seed), f"audit {name}")
        levels = audit_levels(scenario, setting, key, num_levels)
        yardsticks = references(scenario, levels, stream(key, "references"))
        sets[name] = LevelSet(levels, level_hashes(levels), table_hash(levels), yardsticks)
    return sets


class Played(NamedTuple):
    """What came of playing all levels.

    Attributes:
        episodes: of all agents in all settings.
        places: by shift setting, the places that the agents went through; only where goals can be inferred from them.
    """

    episodes: Episodes
    places: Mapping[str, Int[np.ndarray, "agent level time_and_start"]]

    def with_more(self, more: "Played") -> "Played":
        """These, and those on later levels."""
        places = {name: np.concatenate([ways, more.places[name]], 1) for name, ways in self.places.items()}
        return Played(joined([self.episodes, more.episodes]), places)


def collect(
    policy: Policy,
    scenario: Scenario,
    sets: Mapping[str, LevelSet],
    seed: int,
    show: Callable[[str], None] = lambda setting: None,
    keep_ways: bool = True,
) -> Played:
    """The episodes of all agents on all levels.

    Args:
        policy: whose episodes.
        scenario: the rules.
        sets: the levels.
        seed: of the actions.
        show: told the name of each setting before it is played.
        keep_ways: whether to keep the places on the way.
    """
    parts, places = [], {}
    for name, levels in sets.items():
        show(name)
        key = stream(root(seed), f"episodes {name}", levels.first)
        if keep_ways and name in scenario.shifts and scenario.tabular is not None:
            results, ways = walk(scenario, policy, levels.levels, key)
            places[name] = np.asarray(ways)
        else:
            results = play(scenario, policy, levels.levels, key)
        parts.append(_rows(policy, scenario, name, levels, results))
    return Played(joined(parts), places)


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
        level=each(np.arange(levels.first, levels.first + num_levels, dtype=np.int64)),
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
