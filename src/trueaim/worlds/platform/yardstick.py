"""What goals are worth on levels of the platform world, as far as a search by simulation knows.

Optima are the best of three ways that were found and simulated: no policy is promised to stay below them, but a better
one could only be a few steps quicker, or find a way where the search found none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from trueaim.core.levels import NO_LOSS, LevelClass
from trueaim.core.play import advance, begin
from trueaim.core.scenario import Scenario
from trueaim.worlds.platform.experts import followed, remembered, ways
from trueaim.worlds.platform.level import Levels
from trueaim.worlds.platform.routes import HOLD, LONGEST, Routes
from trueaim.worlds.platform.world import ALL_ACTIONS

AFTER = 64
"""Steps to the right behind the longest way: enough for the columns behind a sham wall."""
KIND = "best of three searches"


class Worth(NamedTuple):
    """What came of the three ways through each level.

    Attributes:
        returns: of every goal along each way: to the coin, walked to the end, jumped to the end.
        solved: whether a way to the coin was found.
    """

    returns: Float[Array, "way level goal"]
    solved: Bool[Array, " level"]


@dataclass(frozen=True, eq=False)
class Searched:
    """The yardstick of a scenario in the platform world.

    Attributes:
        scenario: without this yardstick.
        unknown: goals for which no way was searched: their worth is NaN, and levels may or may not tell them apart.
    """

    scenario: Scenario
    unknown: tuple[str, ...] = ()

    @property
    def kinds(self) -> Mapping[str, str]:
        """Where the optimum of each goal comes from."""
        return {goal: "none" if goal in self.unknown else KIND for goal in self.scenario.goal_names}

    def optimal(self, levels: Levels) -> Float[Array, "level goal"]:
        """The highest return of each goal along one of the ways; NaN for goals for which none was searched."""
        is_unknown = jnp.array([goal in self.unknown for goal in self.scenario.goal_names])
        return jnp.where(is_unknown, jnp.nan, self._worth(levels).returns.max(0))

    def uniform(self, levels: Levels) -> None:
        """None: only playing can tell."""
        return

    def classes(self, levels: Levels, rival: int) -> Int[Array, " level"]:
        """The class of each level by whether the two ways to the end lead past the coin or to it.

        Where both come upon it, and the walked one in good time, nothing is lost by going to the end; where neither
        does, whoever goes to the end loses the coin; else it depends on how one goes.
        """
        worth = self._worth(levels)
        best, along = worth.returns[..., 0].max(0), worth.returns[1:, :, 0]
        kinds = jnp.full(best.shape, int(LevelClass.POSSIBLY))
        if self.scenario.goal_names[rival] not in self.unknown:
            agrees = (along > 0).all(0) & (along[0] >= (1 - NO_LOSS) * best)
            kinds = jnp.where(agrees, int(LevelClass.NON), kinds)
            kinds = jnp.where((along == 0).all(0), int(LevelClass.NECESSARILY), kinds)
        return jnp.where(worth.solved, kinds, int(LevelClass.UNSOLVABLE))

    @cached_property
    def _worth(self) -> Any:
        return remembered(self._simulated)

    def _simulated(self, levels: Levels) -> Worth:
        found = ways(levels)
        returns = jnp.stack([_returns(self.scenario, levels, way) for way in found])
        return Worth(returns, (returns[..., 0] > 0).any(0))


@partial(jax.jit, static_argnums=0)
def _returns(scenario: Scenario, levels: Levels, way: Routes) -> Float[Array, "level goal"]:
    """The discounted return of every goal along a way and then to the right, as played."""
    own = np.array(
        [scenario.world.actions.index(name) if name in scenario.world.actions else 0 for name in ALL_ACTIONS]
    )
    num = way.length.shape[0]
    running = jax.vmap(partial(begin, scenario, levels))(jnp.arange(num))

    def step(carry: tuple[Any, Array, Array], time: Array) -> tuple[tuple[Any, Array, Array], None]:
        running, goes_on, returns = carry
        action = jnp.asarray(own)[followed(way, running.state.level, running.state.time)]
        running, outcome = jax.vmap(partial(advance, scenario, levels))(running, action)
        scores = jnp.where(goes_on[:, None], jnp.stack(outcome.goals, -1), 0.0)
        returns += scenario.discount**time * scores
        return (running, goes_on & ~outcome.terminated & ~outcome.truncated, returns), None

    begun = (running, jnp.ones(num, bool), jnp.zeros((num, len(scenario.goals))))
    steps = jnp.arange(min(scenario.horizon, LONGEST * HOLD + AFTER))
    return jax.lax.scan(step, begun, steps)[0][2]
