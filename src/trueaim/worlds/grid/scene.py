"""What a person would see of a grid state: where things are, what is held, what the level tells."""

from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np

from trueaim.core.scenario import Scene
from trueaim.worlds.grid.level import Levels, State, thing_bit

if TYPE_CHECKING:
    from trueaim.worlds.grid.world import GridWorld


def scene(world: "GridWorld", levels: Levels, state: State) -> Scene:
    """Where each thing is now, and the counters that the agent sees."""
    places = [jnp.zeros(0, jnp.int32)]
    for thing in world.things:
        cells = world.places(levels, state, thing.name)
        there = world.present(levels, state, thing.name) if levels.looks is not None else jnp.ones(cells.shape, bool)
        places.append(jnp.where(there, cells, -1))
    held = {each.name: state.held[each.name] for each in world.counters if each.shown}
    return Scene(jnp.concatenate(places).astype(jnp.int16), held)


def names(world: "GridWorld", level: Levels) -> list[str]:
    """What to call each thing of a level: its kind, or the marks that it shows where its kind is no mark."""
    marks = [mark.name for mark in world.marks] or list(world.slots)
    found = []
    for kind, slots in world.slots.items():
        for slot in range(slots.start, slots.stop):
            look = 0 if level.looks is None else int(np.asarray(level.looks)[slot])
            shown = [name for number, name in enumerate(marks) if look & thing_bit(number)]
            found.append("_".join(shown) if shown and kind not in marks else kind)
    return found


def told(world: "GridWorld", level: Levels) -> list[str]:
    """The hints that are on."""
    bits = 0 if level.hint is None else int(level.hint)
    return [name for number, name in enumerate(world.hints) if bits >> number & 1]
