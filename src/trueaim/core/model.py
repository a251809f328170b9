"""A level as a small decision problem: states, where each action leads, what each goal pays. Goals are inferred on it.

It is neutral: whoever infers goals sees states and actions, never a world. A world whose levels are finite and whose
moves are sure exports one (`trueaim.worlds.grid.tabular` does, for grids in which only the agent moves): it numbers the
states of every level, writes down where each action leads from each, and for every goal what entering a state pays and
where a plan for the goal has nothing left to do. State numbers need only mean something within a level.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Bool, Float, Int

from trueaim.core.errors import TrueAimError


class Model(NamedTuple):
    """Deterministic tabular decision problems, one for each level, with every listed goal.

    Attributes:
        moves: the state to which each action leads.
        pays: what each goal pays on entering a state, in any unit: `trueaim.inference.planning.scaled` sees to that.
        stops: where a plan for each goal ends: nothing comes after entering such a state.
        ends: where the episode itself ends, whichever goal is pursued.
        start: the state in which episodes begin.
        steps: the time limit.
        discount: by which plans weigh what comes later. It need not be the scenario's, under which a
            wasted step may cost so little that any noise hides the goal.
    """

    moves: Int[Array, "level state action"]
    pays: Float[Array, "level goal state"]
    stops: Bool[Array, "level goal state"]
    ends: Bool[Array, "level state"]
    start: Int[Array, " level"]
    steps: Int[Array, " level"]
    discount: float

    @property
    def num_actions(self) -> int:
        """How many actions there are."""
        return int(self.moves.shape[-1])

    def rows(self, levels: Int[np.ndarray, " row"] | slice) -> "Model":
        """The model of some of the levels."""
        tables = {name: getattr(self, name)[levels] for name in self._fields if name != "discount"}
        return self._replace(**tables)


class Features(NamedTuple):
    """Indicators of states, by which an unlisted goal is described.

    Attributes:
        names: in words that follow "heads for the".
        on: whether each holds in a state.
        of_goals: for each listed goal, the number of the feature that is on where the goal pays.
    """

    names: tuple[str, ...]
    on: Bool[Array, "level state feature"]
    of_goals: tuple[int, ...]


class Cues(NamedTuple):
    """What a reflex could react to: small whole numbers that mean the same on every level.

    Attributes:
        names: of the cues.
        codes: the value of each in every state.
    """

    names: tuple[str, ...]
    codes: Int[np.ndarray, "level state cue"]


def check_model(model: Model, goals: Mapping[str, object] | tuple[str, ...] = ()) -> None:
    """Raises `TrueAimError` where shapes, state numbers, payments or the discount cannot be those of a model."""
    levels, states, _ = model.moves.shape
    if model.pays.shape != model.stops.shape or (model.pays.shape[0], model.pays.shape[2]) != (levels, states):
        raise TrueAimError(
            f"model: got payments of shape {model.pays.shape} and stops of shape {model.stops.shape} for {levels} "
            f"levels of {states} states, needs (level, goal, state) for both; put the axes in this order"
        )
    low, high = int(np.min(np.asarray(model.moves))), int(np.max(np.asarray(model.moves)))
    if low < 0 or high >= states:
        raise TrueAimError(f"model: got moves to states {low} to {high}, needs 0 to {states - 1}; number the states so")
    if not np.isfinite(np.asarray(model.pays)).all():
        raise TrueAimError("model: got payments that are not finite, needs a number for every state; use 0 for none")
    if not 0 < model.discount <= 1:
        raise TrueAimError(f"discount: got {model.discount:g}, needs more than 0 and at most 1; change it")
    if goals and len(goals) != model.pays.shape[1]:
        raise TrueAimError(
            f"goals: got {len(goals)} names for {model.pays.shape[1]} goals, needs one for each; name them all"
        )
