"""A corridor of three states, small enough for numbers by hand: left and right, goals at either end."""

import jax.numpy as jnp

from trueaim.core.model import Model


def corridor(num_levels: int = 1, steps: int = 50, discount: float = 0.5) -> Model:
    """States 0, 1, 2; the first goal pays 1 on entering 0, the second on entering 2, and there each ends its plan."""
    moves = jnp.array([[0, 1], [0, 2], [1, 2]])
    pays = jnp.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    many = (num_levels, 1, 1)
    return Model(
        moves=jnp.tile(moves[None], many),
        pays=jnp.tile(pays[None], many),
        stops=jnp.tile(pays[None] > 0, many),
        ends=jnp.zeros((num_levels, 3), bool),
        start=jnp.full(num_levels, 1),
        steps=jnp.full(num_levels, steps),
        discount=discount,
    )
