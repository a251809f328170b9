import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest

from trueaim.core.errors import TrueAimError
from trueaim.worlds.grid.distances import UNREACHABLE, distances

X = UNREACHABLE


def drawn(*rows: str) -> tuple[np.ndarray, np.ndarray]:
    cells = np.array([list(row) for row in rows])
    return np.isin(cells, ["#", "%"]), np.isin(cells, ["T", "%"])


def reference(walls: np.ndarray, targets: np.ndarray) -> np.ndarray:
    graph = nx.grid_2d_graph(*walls.shape)
    graph.remove_nodes_from([tuple(cell) for cell in np.argwhere(walls).tolist()])
    sources = {tuple(cell) for cell in np.argwhere(targets & ~walls).tolist()}
    found = np.full(walls.shape, UNREACHABLE)
    if sources:
        for cell, length in nx.multi_source_dijkstra_path_length(graph, sources).items():
            found[cell] = length
    return found


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (("T..", ".#.", "..."), [[0, 1, 2], [1, X, 3], [2, 3, 4]]),
        (("T#.", ".#.", "..."), [[0, X, 6], [1, X, 5], [2, 3, 4]]),
        (("T...T.",), [[0, 1, 2, 1, 0, 1]]),
        ((".#T", "##."), [[X, X, 0], [X, X, 1]]),
        (("%.", ".."), [[X, X], [X, X]]),
        (("%.", ".T"), [[X, 1], [1, 0]]),
        (("T",), [[0]]),
        ((".",), [[X]]),
        (("#", "T", "."), [[X], [0], [1]]),
    ],
)
def test_distances_by_hand(rows: tuple[str, ...], expected: list[list[int]]) -> None:
    found = jax.jit(distances)(*map(jnp.asarray, drawn(*rows)))
    assert found.dtype == jnp.int16
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (9, 1), (2, 3), (7, 20), (20, 7), (25, 25), (32, 32)])
@pytest.mark.parametrize("density", [0.1, 0.4])
def test_distances_agree_with_networkx(height: int, width: int, density: float) -> None:
    random = np.random.default_rng(height * 100 + width)
    walls = random.random((24, height, width)) < density
    targets = random.random((24, height, width)) < random.choice([0.5, 2.0, 6.0], (24, 1, 1)) / (height * width)
    found = jax.jit(distances)(walls, targets)
    for index in range(24):
        np.testing.assert_array_equal(found[index], reference(walls[index], targets[index]))


@pytest.mark.parametrize(("height", "width"), [(3, 3), (13, 13), (25, 25), (31, 32)])
def test_the_longest_ways_are_counted_to_their_end(height: int, width: int) -> None:
    walls = np.zeros((height, width), bool)
    walls[1::4, :-1] = True
    walls[3::4, 1:] = True
    targets = np.zeros((height, width), bool)
    targets[0, 0] = True
    found = np.asarray(jax.jit(distances)(jnp.asarray(walls), jnp.asarray(targets)))
    np.testing.assert_array_equal(found, reference(walls, targets))
    assert found[~walls].max() == (~walls).sum() - 1


def test_batches_of_every_form_agree() -> None:
    random = np.random.default_rng(0)
    walls = jnp.asarray(random.random((2, 3, 5, 7)) < 0.3)
    targets = jnp.asarray(random.random((2, 3, 5, 7)) < 0.1)
    alone = jax.jit(distances)
    found = alone(walls, targets)
    np.testing.assert_array_equal(jax.vmap(alone)(walls, targets), found)
    np.testing.assert_array_equal(jax.jit(jax.vmap(jax.vmap(distances)))(walls, targets), found)
    for outer in range(2):
        for inner in range(3):
            np.testing.assert_array_equal(alone(walls[outer, inner], targets[outer, inner]), found[outer, inner])
    shared = jax.jit(jax.vmap(distances, in_axes=(None, 0)))(walls[0, 0], targets[0])
    np.testing.assert_array_equal(shared[1], alone(walls[0, 0], targets[0, 1]))
    across = jax.jit(jax.vmap(distances, in_axes=1, out_axes=1))(walls, targets)
    np.testing.assert_array_equal(across, found)


@pytest.mark.parametrize(
    ("walls", "targets", "part"),
    [
        ((3, 33), (3, 33), "walls: got a map of 3 rows and 33 columns, needs at most 32 columns and 1024 cells"),
        ((33, 32), (33, 32), "walls: got a map of 33 rows and 32 columns"),
        ((3, 4), (4, 3), "targets: got shape (4, 3) for walls of shape (3, 4), needs the same shape twice"),
        ((12,), (12,), "reshape flat cells to (height, width)"),
    ],
)
def test_maps_that_cannot_be_are_refused(walls: tuple[int, ...], targets: tuple[int, ...], part: str) -> None:
    with pytest.raises(TrueAimError) as caught:
        distances(jnp.zeros(walls, bool), jnp.zeros(targets, bool))
    assert part in str(caught.value)
