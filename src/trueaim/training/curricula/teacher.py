"""What a curriculum is: three pure functions that say on which levels each cycle is played, and learn from it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from trueaim.core.keys import stream
from trueaim.core.levels import draw, held_out, mixture
from trueaim.core.scenario import Scenario
from trueaim.training.curricula.buffer import Buffer, Entries, entries
from trueaim.training.curricula.curriculum import Curriculum


class Setup(NamedTuple):
    """What a curriculum works with.

    Attributes:
        scenario, settings: as chosen.
        envs: environments in a cycle.
        minibatches: which must divide how many of them are trained on.
        alpha: share of fresh levels from the shift setting `toward`.
    """

    scenario: Scenario
    settings: Curriculum
    envs: int
    minibatches: int
    alpha: Float[Array, ""]
    toward: str


class Parts(NamedTuple):
    """Which environments do what in every cycle, known before any cycle runs.

    Attributes:
        trained: the first so many are trained on, in cycles that learn.
        known: the first so many never play a level that the buffer does not hold.
    """

    trained: int
    known: int


class Proposal(NamedTuple):
    """The levels of one cycle, one for each environment.

    Attributes:
        entries: the levels and what is known of them. When the cycle is over, the same with what is known then.
        slot: where in the buffer the level came from; -1 for another source.
        is_offered: whether it may enter the buffer.
        is_fresh: whether it was drawn in this cycle.
        group: the first environment that plays the same level.
        learns: whether the cycle is trained on.
    """

    entries: Entries
    slot: Int[Array, " env"]
    is_offered: Bool[Array, " env"]
    is_fresh: Bool[Array, " env"]
    group: Int[Array, " env"]
    learns: Bool[Array, ""]


class Teacher(NamedTuple):
    """A curriculum.

    Attributes:
        parts: from settings, number of environments and of minibatches.
        begin: the state before the first cycle.
        propose: the levels of a cycle.
        absorb: the state after it.
        replay: the buffer in a state and the chance of each slot to be replayed; None where there is no buffer.
        needs_score: whether levels are scored at all.
        score: the one score that it works with, where it is not for the settings to say.
        needs_edits: whether levels are edited.
    """

    parts: Callable[[Curriculum, int, int], Parts]
    begin: Callable[[Setup, Key[Array, ""]], Any]
    propose: Callable[[Setup, Any, Key[Array, ""]], tuple[Proposal, Any]]
    absorb: Callable[[Setup, Any, Proposal], Any]
    replay: Callable[[Any], tuple[Buffer, Float[Array, " slot"]]] | None = None
    needs_score: bool = True
    score: str = ""
    needs_edits: bool = False


def drawn(setup: Setup, key: Key[Array, ""], num: int) -> Entries:
    """Fresh levels of the mixture, none with a held-out layout: those of `core.levels.training_levels`, with marks.

    A level is marked as shifted where its knobs are not those of the training setting.
    """
    scenario = setup.scenario
    spare = num + max(64, num // 4)
    knobs = mixture(scenario, stream(key, "mixture"), spare, setup.alpha, setup.toward)
    train = scenario.knob_values(scenario.train)
    is_shifted = jnp.stack([values != train[name] for name, values in knobs.items()]).any(0)
    levels = draw(scenario, stream(key, "levels"), knobs, spare)
    allowed = jnp.nonzero(~held_out(scenario, levels), size=num, fill_value=0)[0]
    return entries(jax.tree.map(lambda table: table[allowed], levels), is_shifted[allowed])


def chosen(mask: Bool[Array, "..."], one: Any, other: Any) -> Any:
    """Rows of one tree where the mask holds, else those of the other; a mask without rows chooses all of them."""

    def each(one: Array, other: Array) -> Array:
        return jnp.where(mask.reshape(mask.shape + (1,) * (one.ndim - mask.ndim)), one, other)

    return jax.tree.map(each, one, other)


def joined(*parts: Any) -> Any:
    """Trees of rows one below the other."""
    return jax.tree.map(lambda *tables: jnp.concatenate(tables), *parts)


def rows(tree: Any, which: slice | Array) -> Any:
    """Some rows of every table of a tree."""
    return jax.tree.map(lambda table: table[which], tree)
