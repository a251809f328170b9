"""Platform levels drawn by hand, and scripted steps on them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from trueaim.worlds.platform.level import (
    BARRIER,
    CRATE,
    LAVA,
    SAW,
    SHAM,
    SIDE,
    WALL,
    Levels,
    State,
    built,
    started,
)
from trueaim.worlds.platform.physics import step
from trueaim.worlds.platform.world import ALL_ACTIONS

LETTERS = {"#": WALL, "~": LAVA, "s": SAW, "c": CRATE, "|": BARRIER, "%": SHAM}


def level(text: str, coin: tuple[int, int] = (60, 60), end: tuple[int, int] | None = None) -> Levels:
    """A table of one level: the map's last line is row 0, what it does not show is empty, and the border is wall.

    `>` and `<` are enemies that first walk to the right and left; `m` is the random place.
    """
    cells = np.zeros((SIDE, SIDE), np.uint8)
    starts, spot = [], (0, 60)
    for row, line in enumerate(reversed(text.strip("\n").splitlines())):
        for column, letter in enumerate(line):
            cells[row, column] = LETTERS.get(letter, 0)
            if letter in "<>":
                starts.append((row, column, 1 if letter == ">" else -1))
            if letter == "m":
                spot = (column, row)
    enemies = np.array([*starts, (0, 0, 0)], np.int32)
    places = [jnp.array(place, jnp.int32) for place in (coin, spot, end or coin)]
    return jax.tree.map(lambda field: field[None], built(jnp.asarray(cells), jnp.asarray(enemies), *places))


@jax.jit
def _played(levels: Levels, state: State, actions: Any) -> State:
    def one(state: State, action: Any) -> tuple[State, State]:
        after = jax.vmap(step, (None, 0, 0))(levels, state, action[None])
        return after, after

    return jax.tree.map(lambda field: field[:, 0], jax.lax.scan(one, state, actions)[1])


LONGEST = 64


def played(levels: Levels, script: str, **changes: float) -> State:
    """The states after each action of a script such as "right*3 up stay*9"; `changes` to the start: x, y, vx, vy."""
    names = []
    for part in script.replace("+", "_").split():
        name, _, times = part.partition("*")
        names += [name.replace("_", " ")] * int(times or 1)
    numbers = [ALL_ACTIONS.index(name) for name in names]
    assert len(numbers) <= LONGEST, "one program serves all scripts"
    start = started(levels, jnp.int32(0))._replace(
        **{name: jnp.int32(value) if name == "time" else jnp.float32(value) for name, value in changes.items()}
    )
    padded = jnp.array(numbers + [4] * (LONGEST - len(numbers)), jnp.int32)
    states = _played(levels, jax.tree.map(lambda field: field[None], start), padded)
    return jax.tree.map(lambda field: np.asarray(field)[: len(numbers)], states)
