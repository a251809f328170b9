from collections import Counter
from itertools import permutations

import jax
import networkx as nx
import numpy as np
import pytest
from scipy.stats import chi2

from trueaim.core.errors import TrueAimError
from trueaim.worlds.grid.layouts import LAYOUTS, MOST_DENSITY, Layout, blocks, kruskal, rooms

ALARM = 1e-6
"""How often a test of frequencies may fail although nothing is wrong."""


def draw_many(layout: Layout, count: int, density: float = 0.25, seed: int = 0) -> np.ndarray:
    keys = jax.random.split(jax.random.key(seed), count)
    walls = jax.jit(jax.vmap(layout.draw, in_axes=(0, None)))(keys, density)
    return np.asarray(walls).reshape(count, layout.height, layout.width)


def free_graph(walls: np.ndarray) -> nx.Graph:
    graph = nx.grid_2d_graph(*walls.shape)
    graph.remove_nodes_from([tuple(cell) for cell in np.argwhere(walls).tolist()])
    return graph


def chi_square(counts: list[int], expected: list[float]) -> float:
    return sum((count - mean) ** 2 / mean for count, mean in zip(counts, expected, strict=True))


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_level_is_the_same_alone_and_in_a_batch(name: str) -> None:
    layout = LAYOUTS[name](7, 9)
    keys = jax.random.split(jax.random.key(1), 6)
    batch = jax.jit(jax.vmap(layout.draw, in_axes=(0, None)))(keys, 0.3)
    assert layout.name == name
    assert batch.shape == (6, 63)
    assert batch.dtype == bool
    alone = jax.jit(layout.draw)
    for key, walls in zip(keys, batch, strict=True):
        np.testing.assert_array_equal(alone(key, 0.3), walls)
    nested = jax.jit(jax.vmap(jax.vmap(layout.draw, in_axes=(0, None)), in_axes=(0, None)))(keys.reshape(2, 3), 0.3)
    np.testing.assert_array_equal(nested.reshape(6, 63), batch)


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_a_layout_says_of_itself_is_so(name: str) -> None:
    layout = LAYOUTS[name](13, 9)
    few, many = draw_many(layout, 20, 0.1), draw_many(layout, 20, MOST_DENSITY)
    assert (few != many).any() == layout.takes_density
    assert (few != few[:1]).any() == layout.varied


def test_open_has_no_walls() -> None:
    assert not draw_many(LAYOUTS["open"](4, 5), 3).any()


@pytest.mark.parametrize("density", [0.0, 0.05, 0.25, MOST_DENSITY])
def test_blocks_have_their_density_and_no_pattern(density: float) -> None:
    count = 5_000
    walls = draw_many(blocks(7, 9), count, density)
    error = (density * (1 - density) / count) ** 0.5
    # Six standard errors: chance 2e-9 for each of the cells and of the pairs.
    assert np.abs(walls.mean(0) - density).max() <= 6 * error
    assert abs(walls.mean() - density) <= 6 * error / 63**0.5
    flat = walls.reshape(count, -1) - density
    together = flat.T @ flat / count
    assert np.abs(together - np.diag(np.diag(together))).max() <= 6 * density * (1 - density) / count**0.5


@pytest.mark.parametrize(("height", "width"), [(3, 3), (5, 9), (13, 13), (25, 25), (3, 33), (33, 35)])
def test_kruskal_mazes_are_spanning_trees(height: int, width: int) -> None:
    for walls in draw_many(kruskal(height, width), 12):
        assert not walls[::2, ::2].any()
        assert walls[1::2, 1::2].all()
        assert nx.is_tree(free_graph(walls))


def test_four_rooms_lose_each_passage_equally_often() -> None:
    count = 8_000
    walls = draw_many(kruskal(3, 3), count).reshape(count, 9)
    lost = Counter(int(np.flatnonzero(maze[[1, 3, 5, 7]])[0]) for maze in walls)
    assert chi_square([lost[passage] for passage in range(4)], [count / 4] * 4) < chi2.ppf(1 - ALARM, 3)


def test_six_rooms_have_the_trees_of_kruskal_not_uniform_ones() -> None:
    edges = [(0, 1), (1, 2), (3, 4), (4, 5), (0, 3), (1, 4), (2, 5)]
    cells = [1, 3, 11, 13, 5, 7, 9]  # where those passages lie on a map of 3 rows and 5 columns
    expected = Counter(kruskal_by_hand(edges, order) for order in permutations(range(7)))
    count = 30_000
    walls = draw_many(kruskal(3, 5), count).reshape(count, 15)
    seen = Counter(frozenset(np.flatnonzero(~maze[cells]).tolist()) for maze in walls)
    assert set(seen) == set(expected)
    assert len(expected) == 15
    limit = chi2.ppf(1 - ALARM, 14)
    assert chi_square([seen[tree] for tree in expected], [n * count / 5_040 for n in expected.values()]) < limit
    assert chi_square([seen[tree] for tree in expected], [count / 15] * 15) > limit


def kruskal_by_hand(edges: list[tuple[int, int]], order: tuple[int, ...]) -> frozenset[int]:
    part = list(range(6))
    kept = set()
    for edge in order:
        one, other = part[edges[edge][0]], part[edges[edge][1]]
        if one != other:
            kept.add(edge)
            part = [other if each == one else each for each in part]
    return frozenset(kept)


@pytest.mark.parametrize(("height", "width"), [(5, 8), (13, 13), (25, 17)])
@pytest.mark.parametrize("density", [0.0, 0.5])
def test_rooms_hang_together_with_a_ring(height: int, width: int, density: float) -> None:
    layout = rooms(height, width)
    for walls in draw_many(layout, 12, density):
        graph = free_graph(walls)
        assert nx.is_connected(graph)
        # Rooms are the parts left when the doors, the free cells on the lines of walls, are shut.
        lines = walls.mean(1) >= 0.5, walls.mean(0) >= 0.5
        doors = [cell for cell in graph if lines[0][cell[0]] or lines[1][cell[1]]]
        rest = graph.copy()
        rest.remove_nodes_from(doors)
        num_rooms = nx.number_connected_components(rest)
        if density == 0:
            assert len(doors) == num_rooms
        assert len(doors) >= num_rooms >= 4


def test_four_rooms_have_all_their_doors_whatever_the_density() -> None:
    assert not rooms(7, 9).takes_density
    assert not rooms(3, 3).varied
    np.testing.assert_array_equal(draw_many(rooms(7, 9), 9, 0.0), draw_many(rooms(7, 9), 9, MOST_DENSITY))
    np.testing.assert_array_equal(draw_many(rooms(3, 3), 9).sum(0), 9 * np.diag([0, 1, 0]))


def test_density_is_the_chance_of_further_doors() -> None:
    count = 4_000
    free = (~draw_many(rooms(13, 13), count, 0.25)).sum((1, 2))
    bare = (~draw_many(rooms(13, 13), 1, 0.0)).sum()
    # Nine rooms share 12 walls; 8 doors and one more are there anyway, and 3 are a matter of chance.
    extra = free - bare
    assert set(extra.tolist()) == {0, 1, 2, 3}
    assert abs(extra.mean() - 3 * 0.25) <= 6 * (3 * 0.25 * 0.75 / count) ** 0.5


def test_doors_are_anywhere_along_a_wall() -> None:
    count = 6_000
    walls = draw_many(rooms(7, 7), count, 0.0)  # four rooms of three by three cells: all four doors are there
    places = Counter(int(row) for row in np.argmin(walls[:, :3, 3], 1))
    assert chi_square([places[row] for row in range(3)], [count / 3] * 3) < chi2.ppf(1 - ALARM, 2)


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("kruskal", (12, 13), "height: got 12, needs an odd number for kruskal mazes; use 11 or 13."),
        ("kruskal", (13, 4), "width: got 4, needs an odd number for kruskal mazes; use 3 or 5."),
        ("kruskal", (1, 5), "height: got 1, needs at least 3 for the layout 'kruskal'."),
        ("rooms", (9, 2), "width: got 2, needs at least 3 for the layout 'rooms'."),
        ("blocks", (0, 2), "height: got 0, needs at least 1 for the layout 'blocks'."),
        ("open", (2, -1), "width: got -1, needs at least 1 for the layout 'open'."),
    ],
)
def test_sizes_that_cannot_be_are_refused(name: str, size: tuple[int, int], message: str) -> None:
    with pytest.raises(TrueAimError) as caught:
        LAYOUTS[name](*size)
    assert str(caught.value) == message
