import jax
import jax.numpy as jnp
import numpy as np

from trueaim.core.keys import root
from trueaim.core.play import Running
from trueaim.core.policy import Policy, View
from trueaim.core.scenario import Knob
from trueaim.worlds.grid.layouts import open_field
from trueaim.worlds.grid.level import Levels, State
from trueaim.worlds.grid.placement import Thing
from trueaim.worlds.grid.rules.pursuit import Attack, Chase
from trueaim.worlds.grid.rules.taking import Take
from trueaim.worlds.grid.rules.timing import Stay
from trueaim.worlds.grid.scripts import Wary, fell, forage
from trueaim.worlds.grid.world import GridWorld

UP, RIGHT, DOWN, LEFT, STAY = range(5)
NUM = 200
WORLD = GridWorld(
    open_field(7, 7),
    (
        Thing("monster", count=2),
        Thing("shield", apart=("monster",)),
        Thing("apple", count=2, apart=("monster", "shield")),
    ),
    Thing("start", apart=("monster", "shield", "apple")),
    rules=(Take("apple"), Take("shield", held=3), Chase("monster"), Attack("monster", "shield"), Stay()),
    knobs=(Knob("twice", 0, 0, 1, "chance"),),
)
WARY = Wary("monster", "shield")


def choices(policy: Policy, held: int = 0, agent: int = 24, **there: list[int]) -> set[int]:
    """The actions that a script takes, on a map where only these things are."""
    level = WORLD.draw(jax.random.key(0), {"twice": jnp.float32(0)})
    looks = np.zeros(5, np.uint8)
    things = np.asarray(level.things).copy()
    for kind, places in there.items():
        first = WORLD.slots[kind].start
        looks[first : first + len(places)] = WORLD.mark(kind)
        things[first : first + len(places)] = places
    level = level._replace(looks=jnp.asarray(looks), things=jnp.asarray(things), start=jnp.int32(agent))
    levels: Levels = jax.tree.map(lambda field: jnp.asarray(field)[None], level)
    state: State = WORLD.reset(levels, jnp.int32(0))._replace(held={"shield": jnp.int8(held)})
    states = jax.tree.map(lambda field: jnp.broadcast_to(field, (NUM, *jnp.shape(field))), state)
    view = View(None, Running(states, jnp.zeros(NUM, jnp.int32), ()), policy.prepare(levels))
    return set(np.asarray(policy.act((), root(0), view, ())[0]).tolist())


def test_a_forager_takes_the_shortest_way_to_what_it_wants() -> None:
    """The agent is in the middle, in row 3 and column 3."""
    policy = forage(WORLD, {"apple": 1.0})
    assert choices(policy, apple=[26]) == {RIGHT}
    assert choices(policy, apple=[8]) == {UP, LEFT}
    assert choices(policy, apple=[26, 22], agent=25) == {RIGHT}
    assert choices(policy, apple=[45], shield=[25]) == {DOWN}


def test_a_forager_weighs_worth_against_distance() -> None:
    for worth, action in ((0.5, LEFT), (2.0, RIGHT)):
        policy = forage(WORLD, {"apple": 1.0, "shield": worth}, patience=0.9)
        assert choices(policy, apple=[22], shield=[27]) == {action}


def test_a_forager_prefers_the_side_on_which_there_is_more() -> None:
    assert choices(forage(WORLD, {"apple": 1.0, "shield": 1.0}), apple=[22, 21], shield=[26]) == {LEFT}


def test_a_wary_forager_is_not_where_a_monster_will_be() -> None:
    careless, wary = (forage(WORLD, {"apple": 1.0}, wary=each) for each in (None, WARY))
    assert choices(careless, apple=[27], monster=[26]) == {RIGHT}
    assert RIGHT not in choices(wary, apple=[27], monster=[26])
    assert choices(wary, held=1, apple=[27], monster=[26]) == {RIGHT}


def test_shields_are_worth_having_while_there_are_more_monsters() -> None:
    policy = forage(WORLD, {"apple": 1.0, "shield": 0.0}, wary=Wary("monster", "shield", safety=3.0))
    assert choices(policy, apple=[22], shield=[26], monster=[0]) == {RIGHT}
    assert choices(policy, held=1, apple=[22], shield=[26], monster=[0]) == {LEFT}
    assert choices(policy, apple=[22], shield=[26]) == {LEFT}


def test_a_feller_spares_what_it_should() -> None:
    assert choices(fell(WORLD, "apple"), apple=[25, 0]) == {RIGHT}
    assert choices(fell(WORLD, "apple", spare=1), apple=[25, 0]) == {RIGHT}
    assert choices(fell(WORLD, "apple", spare=2), apple=[25, 0]) == {STAY}
    assert choices(fell(WORLD, "apple")) == {UP, RIGHT, DOWN, LEFT, STAY}
