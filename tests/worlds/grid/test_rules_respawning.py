import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chi2

from trueaim.core.errors import TrueAimError
from trueaim.core.scenario import Knob
from trueaim.worlds.grid.layouts import blocks, open_field
from trueaim.worlds.grid.level import Levels, State
from trueaim.worlds.grid.placement import Thing
from trueaim.worlds.grid.rules.regrowth import Regrow
from trueaim.worlds.grid.rules.respawning import Respawn
from trueaim.worlds.grid.rules.taking import Take
from trueaim.worlds.grid.rules.timing import Early, Stay
from trueaim.worlds.grid.rules.vacancy import vacant_cell
from trueaim.worlds.grid.world import GridWorld

ALARM = 1e-6
"""How often a test of frequencies may fail although nothing is wrong; seeds are fixed."""
ALARMED = 5.0
NUM = 20_000
UP, RIGHT, DOWN, LEFT, STAY = range(5)


def evenly(counts: np.ndarray) -> bool:
    mean = counts.mean()
    return mean > 5 and bool(((counts - mean) ** 2 / mean).sum() < chi2.ppf(1 - ALARM, len(counts) - 1))


def lucks(num: int = NUM) -> jax.Array:
    return jax.random.bits(jax.random.key(0), (num,), jnp.uint32)


def test_vacant_cells_are_equally_likely_whatever_is_taken() -> None:
    taken = jnp.array([7, 0, 3, 4, 11, 5])
    counts = jnp.array([True, True, True, True, True, False])
    cells = np.asarray(jax.vmap(lambda word: vacant_cell(word, taken, counts, 12))(lucks()))
    found = np.bincount(cells, minlength=12)
    assert set(np.flatnonzero(found)) == {1, 2, 5, 6, 8, 9, 10}
    assert evenly(found[found > 0])


def test_the_last_vacant_cell_is_found() -> None:
    for left in range(6):
        taken = jnp.array([cell for cell in range(6) if cell != left])
        cells = jax.vmap(lambda word, taken=taken: vacant_cell(word, taken, jnp.ones(5, bool), 6))(lucks(100))
        assert set(np.asarray(cells).tolist()) == {left}


APPLES = GridWorld(
    open_field(5, 5),
    (Thing("apple", count=2), Thing("shield", count=2, apart=("apple",))),
    Thing("start", apart=("apple", "shield")),
    rules=(Take("apple"), Take("shield", held=1), Respawn(("apple", "shield"))),
)


def placed(world: GridWorld, **knobs: float) -> tuple[Levels, State]:
    level = world.draw(jax.random.key(0), {name: jnp.float32(value) for name, value in knobs.items()})
    levels = jax.tree.map(lambda field: field[None], level)
    return levels, world.reset(levels, jnp.int32(0))


def stepped(world: GridWorld, levels: Levels, state: State, action: int, num: int = NUM) -> State:
    step = jax.vmap(lambda luck: world.move(levels, state._replace(luck=luck), jnp.int32(action)))
    return jax.tree.map(np.asarray, jax.jit(step)(lucks(num)))


def test_what_is_taken_lies_on_any_free_cell_at_once() -> None:
    levels, state = placed(APPLES)
    state = state._replace(position=jnp.int32(0), places={"apple": jnp.array([1, 24]), "shield": jnp.array([12, 13])})
    after = stepped(APPLES, levels, state, RIGHT)
    assert set(after.happened["apple"].tolist()) == {1}
    assert after.present["apple"].all()
    assert (after.places["apple"][:, 1] == 24).all()
    assert (after.places["shield"] == [12, 13]).all()
    found = np.bincount(after.places["apple"][:, 0], minlength=25)
    assert set(np.flatnonzero(found == 0)) == {1, 12, 13, 24}
    assert evenly(np.delete(found, [1, 12, 13, 24]))


def test_what_cannot_be_taken_stays() -> None:
    levels, state = placed(APPLES)
    state = state._replace(
        position=jnp.int32(11),
        places={"apple": jnp.array([1, 24]), "shield": jnp.array([12, 13])},
        held={"shield": jnp.int8(1)},
    )
    after = stepped(APPLES, levels, state, RIGHT, num=50)
    assert (after.places["shield"] == [12, 13]).all()
    assert not after.happened["shield"].any()


def test_counts_stay_and_no_two_share_a_cell() -> None:
    levels = jax.vmap(lambda key: APPLES.draw(key, {}))(jax.random.split(jax.random.key(1), 200))

    def step(state: State, action: jax.Array) -> tuple[State, State]:
        state = APPLES.move(levels, state, action)
        return state, state

    def episode(index: jax.Array, key: jax.Array) -> State:
        return jax.lax.scan(step, APPLES.reset(levels, index), jax.random.randint(key, (60,), 0, 4))[1]

    seen = jax.jit(jax.vmap(episode))(jnp.arange(200), jax.random.split(jax.random.key(2), 200))
    assert seen.present["apple"].all()
    assert seen.present["shield"].all()
    assert int(seen.happened["apple"].sum()) > 300
    places = np.sort(np.concatenate([seen.places["apple"], seen.places["shield"]], -1), -1)
    assert (np.diff(places, axis=-1) > 0).all()
    assert (np.asarray(seen.places["apple"]) != np.asarray(seen.position)[..., None]).all()


TREES = GridWorld(
    open_field(5, 5),
    (Thing("tree", count=4, present="trees"),),
    Thing("start", apart=("tree",)),
    rules=(Take("tree"), Early("tree", 3), Regrow("tree", "r_min", "r_max"), Stay()),
    knobs=(Knob("trees", 4, 0, 4, "at first"), Knob("r_min", 0, 0, 1, "least"), Knob("r_max", 0.3, 0, 1, "most")),
)


@pytest.mark.parametrize(
    ("trees", "r_min", "r_max", "chance"),
    [
        (0, 0.1, 0.3, 0.1),
        (0, 0.0, 1.0, 0.0),
        (1, 0.1, 0.3, 0.3 * 0.4306766),  # log 2 / log 5
        (1, 0.2, 0.3, 0.2),
        (3, 0.0, 0.3, 0.3 * 0.8613531),  # log 4 / log 5
        (3, 1.0, 0.3, 1.0),
        (4, 1.0, 1.0, 0.0),
    ],
)
def test_a_tree_grows_as_often_as_it_should(trees: int, r_min: float, r_max: float, chance: float) -> None:
    levels, state = placed(TREES, trees=trees, r_min=r_min, r_max=r_max)
    after = stepped(TREES, levels, state, STAY)
    grown = after.present["tree"].sum(1) - trees
    assert set(grown.tolist()) <= {0, 1}
    assert abs(grown.mean() - chance) <= ALARMED * (chance * (1 - chance) / NUM) ** 0.5 + 1e-6
    assert (after.position == state.position).all()


def test_rare_growth_is_as_rare_as_it_says() -> None:
    levels, state = placed(TREES, trees=0, r_min=1e-4, r_max=0.3)
    num = 500_000
    count = int(stepped(TREES, levels, state, STAY, num=num).present["tree"].sum())
    assert abs(count - 1e-4 * num) <= ALARMED * (1e-4 * num) ** 0.5


def test_trees_grow_on_any_empty_cell() -> None:
    levels, state = placed(TREES, trees=3, r_min=1, r_max=0.3)
    state = state._replace(position=jnp.int32(6), places={"tree": jnp.array([0, 7, 24, 7])})
    after = stepped(TREES, levels, state, STAY)
    assert (after.places["tree"][:, :3] == [0, 7, 24]).all()
    found = np.bincount(after.places["tree"][:, 3], minlength=25)
    assert set(np.flatnonzero(found == 0)) == {0, 6, 7, 24}
    assert evenly(np.delete(found, [0, 6, 7, 24]))


def test_a_felled_tree_is_gone_and_early_ones_are_counted_apart() -> None:
    levels, state = placed(TREES, trees=4, r_min=0, r_max=0)
    state = state._replace(position=jnp.int32(0), places={"tree": jnp.array([1, 2, 3, 4])})
    felled, early, left = [], [], []
    for _ in range(4):
        state = TREES.move(levels, state, jnp.int32(RIGHT))
        felled.append(int(state.happened["tree"]))
        early.append(int(state.happened["early tree"]))
        left.append(int(state.present["tree"].sum()))
    assert (felled, early, left) == ([1, 1, 1, 1], [1, 1, 1, 0], [3, 2, 1, 0])
    assert TREES.observation.flags == ()  # the clock is not seen


@pytest.mark.parametrize("steps", [0, 128])
def test_what_is_early_fits_a_small_counter(steps: int) -> None:
    with pytest.raises(TrueAimError, match=f"steps: got {steps}, needs 1 to 127 to be early"):
        Early("tree", steps)


@pytest.mark.parametrize("rule", [Respawn(("tree",)), Regrow("tree", "r", "r")])
def test_maps_with_walls_are_refused(rule: Respawn | Regrow) -> None:
    world = GridWorld(blocks(5, 5), (Thing("tree"),), rules=(Take("tree"), rule), knobs=(Knob("r", 0, 0, 1, "chance"),))
    with pytest.raises(TrueAimError, match="got 'blocks', needs one without walls"):
        world.draw(jax.random.key(0), {"r": jnp.float32(0)})
