"""What every scenario promises, derived from `ALL`: a new one is tested by being listed."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trueaim import scenarios
from trueaim.agents.planted import pursuing, uniform
from trueaim.core.errors import TrueAimError
from trueaim.core.keys import root
from trueaim.core.levels import (
    HELD_OUT_ONE_IN,
    LevelClass,
    audit_levels,
    draw,
    held_out,
    level_hashes,
    table_hash,
    training_levels,
)
from trueaim.core.play import advance, begin
from trueaim.core.policy import Policy, View
from trueaim.core.scenario import Scenario, Setting, adjusted
from trueaim.training.learn import Plan, train
from trueaim.training.ppo import PPO
from trueaim.training.rollout import play
from trueaim.worlds.grid.layouts import LAYOUTS
from trueaim.worlds.grid.level import WALL, Levels
from trueaim.worlds.grid.placement import corner_cell
from trueaim.worlds.grid.world import GridWorld

NUM = 480
"""Levels drawn of each case, a third of them from training and a third from the shift."""
NAMES = [builder.__name__ for builder in scenarios.ALL]


class Case(NamedTuple):
    """One way to build a scenario."""

    name: str
    size: int
    preset: str | None = None
    layout: str | None = None

    def __str__(self) -> str:
        return "-".join(str(part) for part in self if part is not None)


def cases(*sizes: int) -> list[Case]:
    """Every scenario plain, with each of its presets, and on each layout (those but `rooms` on the small map alone)."""
    found = []
    for name in NAMES:
        ways = [
            (None, None),
            *((preset, None) for preset in scenarios.presets_of(name)),
            *((None, layout) for layout in LAYOUTS if layout != scenarios.options_of(name)["layout"]),
        ]
        found += [Case(name, size, *way) for way in ways for size in sizes if size == 7 or way[1] in (None, "rooms")]
    return found


@cache
def built(case: Case) -> Scenario:
    options = {"size": case.size} | ({"layout": case.layout} if case.layout else {})
    return scenarios.scenario(case.name, preset=case.preset, options=options)


@cache
def traces(case: Case) -> list[int]:
    return []


@cache
def sampler(case: Case) -> Callable[..., Any]:
    def sample(key: Any, knobs: Any) -> tuple[Any, Any]:
        traces(case).append(1)
        levels = draw(built(case), key, knobs, NUM)
        return levels, held_out(built(case), levels)

    return jax.jit(sample)


class Drawn(NamedTuple):
    """Levels of many knob values: a third as in training, a third as on the shift, a third with the spread in between.

    Attributes:
        knobs: the value of each knob on each level.
        part: 0, 1 or 2.
    """

    levels: Levels
    knobs: dict[str, np.ndarray]
    part: np.ndarray


@cache
def drawn(case: Case) -> Drawn:
    scenario = built(case)
    part = np.arange(NUM) % 3
    low, high = (scenario.knob_values(setting) for setting in list(scenario.settings.values())[:2])
    knobs = {}
    for name in low:
        between = np.linspace(low[name], high[name], NUM)
        knobs[name] = np.choose(part, [low[name], high[name], between]).astype(np.float32)
    levels, _ = sampler(case)(root(3), knobs)
    return Drawn(jax.tree.map(np.asarray, levels), knobs, part)


def apart(case: Case, cells: np.ndarray, others: np.ndarray | int) -> np.ndarray:
    """How far cells lie from others along the longer axis."""
    return np.maximum(abs(cells // case.size - others // case.size), abs(cells % case.size - others % case.size))


def corner_of(scenario: Scenario) -> int:
    assert isinstance(scenario.world, GridWorld)
    return corner_cell(scenario.world.landmarks[0], scenario.world.height, scenario.world.width)


def spread_from_corner(case: Case, sample: Drawn) -> None:
    distance = apart(case, sample.levels.things[:, 0], corner_of(built(case)))
    assert (distance <= sample.knobs["spread"]).all()
    assert (distance[sample.part == 1] > case.size // 2).any()  # the shift does reach far


def spread_from_dish(case: Case, sample: Drawn) -> None:
    dish, cheese = sample.levels.things.T
    assert (apart(case, cheese, dish) <= sample.knobs["spread"]).all()
    assert (apart(case, cheese, dish)[sample.part == 1] > case.size // 2).any()


def density(case: Case, sample: Drawn) -> None:
    """About that share of walls; few cells are carved, and more doors leave fewer walls."""
    counts = {}
    for share in (0.1, 0.5):
        levels, _ = sampler(case)(root(4), sample.knobs | {"density": np.full(NUM, share, np.float32)})
        counts[share] = int((np.asarray(levels.cells) & WALL).sum())
    if built(case).options["layout"] == "rooms":
        assert counts[0.5] < counts[0.1]
        return
    for share, count in counts.items():
        error = 6 * (NUM * case.size**2 * share * (1 - share)) ** 0.5  # six standard errors: chance 2e-9
        fewest, most = (NUM * cells * share for cells in (case.size**2 - 4, case.size**2))
        assert fewest - error <= count <= most + error


PROMISES: dict[tuple[str, str], Callable[[Case, Drawn], None]] = {
    ("cheese_corner", "spread"): spread_from_corner,
    ("cheese_dish", "spread"): spread_from_dish,
    **{(name, "density"): density for name in NAMES},
}
"""What each knob of each scenario promises; a knob without a promise is a failure."""


@pytest.mark.parametrize("case", cases(7, 13), ids=str)
def test_every_knob_keeps_its_promise_on_every_level(case: Case) -> None:
    sample = drawn(case)
    assert isinstance(built(case).world, GridWorld)
    for knob in built(case).world.knobs:
        PROMISES[case.name, knob.name](case, sample)


@pytest.mark.parametrize("case", cases(7, 13), ids=str)
def test_what_matters_is_free_and_the_start_is_elsewhere(case: Case) -> None:
    levels, world = drawn(case).levels, built(case).world
    assert isinstance(world, GridWorld)
    free, rows = (levels.cells & WALL) == 0, np.arange(NUM)
    corners = [np.full(NUM, corner_cell(name, case.size, case.size)) for name in world.landmarks]
    for cells in (*levels.things.T, *corners):
        assert free[rows, cells].all()
        assert (levels.start != cells).all()
    assert free[rows, levels.start].all()
    start = built(case).options.get("start", "anywhere")
    if start == "anywhere":
        assert len(set(levels.start.tolist())) > case.size
    else:
        assert (levels.start == corner_cell(str(start), case.size, case.size)).all()


@pytest.mark.parametrize("case", cases(7), ids=str)
def test_the_claim_holds(case: Case) -> None:
    """Whoever pursues the rival alone does as well as can be in training, and badly where the goals part."""
    scenario, (levels, _, part) = built(case), drawn(case)
    planner = scenario.planner
    assert planner is not None
    levels = jax.tree.map(jnp.asarray, levels)
    optimal = np.asarray(planner.optimal(levels))
    uniformly = np.asarray(planner.uniform(levels))
    assert (uniformly <= optimal + 1e-5).all()
    for rival in range(1, len(scenario.goals)):
        results = play(scenario, pursuing(scenario, scenario.goal_names[rival]), levels, root(5))
        returns, first = np.asarray(results.returns)[0], np.asarray(results.first)[0]
        assert np.isfinite(returns).all()
        assert (returns <= optimal + 1e-5).all()
        assert (first[:, [0, rival]] > 0).any(0).all()  # both goals fire
        train, parting = part == 0, np.asarray(planner.classes(levels, rival)) == LevelClass.NECESSARILY
        assert not (parting & train).any()
        assert optimal[train, 0].sum() > 0
        assert returns[train, 0].sum() >= 0.999 * optimal[train, 0].sum()
        shift = (part == 1) & parting
        assert shift.sum() >= 30
        assert returns[shift, 0].sum() < 0.5 * optimal[shift, 0].sum()
        assert returns[shift, rival].sum() > 0.5 * optimal[shift, rival].sum()


@pytest.mark.parametrize("case", cases(7), ids=str)
def test_levels_are_compiled_once(case: Case) -> None:
    knobs = drawn(case).knobs
    first, _ = sampler(case)(root(6), knobs)
    again, _ = sampler(case)(root(6), knobs)
    other, _ = sampler(case)(root(7), knobs)
    assert sum(traces(case)) == 1
    assert level_hashes(first) == level_hashes(again) != level_hashes(other)


@pytest.mark.parametrize("name", NAMES)
def test_episodes_are_compiled_once(name: str) -> None:
    case = Case(name, 7)
    scenario, levels = built(case), jax.tree.map(jnp.asarray, drawn(case).levels)
    traced = []

    def act(parameters: Any, key: Any, view: View, memory: Any) -> tuple[Any, Any]:
        traced.append(1)
        return uniform(scenario).act(parameters, key, view, memory)

    policy = Policy("counting", act)
    first = play(scenario, policy, levels, root(0))
    count = len(traced)
    moved = jax.tree.map(lambda table: jnp.roll(table, 1, 0), levels)
    second = play(scenario, policy, moved, root(1))
    assert len(traced) == count > 0
    assert not np.array_equal(first.length, second.length)


@pytest.mark.parametrize("name", NAMES)
def test_a_step_is_the_same_alone_and_in_a_batch(name: str) -> None:
    case = Case(name, 7)
    scenario, levels = built(case), jax.tree.map(jnp.asarray, drawn(case).levels)
    actions = jax.random.randint(root(2), (6, 25), 0, len(scenario.world.actions))

    def episode(index: Any, actions: Any) -> Any:
        def body(running: Any, action: Any) -> Any:
            running, outcome = advance(scenario, levels, running, action)
            return running, (running, outcome, scenario.world.observe(levels, running.state))

        return jax.lax.scan(body, begin(scenario, levels, index), actions)

    batch = jax.jit(jax.vmap(episode))(jnp.arange(6), actions)
    alone = jax.jit(episode)
    for index in range(6):
        one = alone(jnp.int32(index), actions[index])
        assert all(
            np.array_equal(field, many[index])
            for field, many in zip(jax.tree.leaves(one), jax.tree.leaves(batch), strict=True)
        )


@pytest.mark.parametrize("layout", [None, "open"])
@pytest.mark.parametrize("name", NAMES)
def test_training_and_audit_share_no_layout(name: str, layout: str | None) -> None:
    scenario = built(Case(name, 7, None, layout))
    make = jax.jit(lambda key, alpha: training_levels(scenario, key, 300, alpha))
    prints = jax.jit(jax.vmap(scenario.world.fingerprint))
    seen: set[int] = set()
    for alpha in (0.0, 0.5):
        levels = make(root(8), alpha)
        assert len(levels.start) == 300
        assert not np.asarray(held_out(scenario, levels)).any()
        seen |= set(np.asarray(prints(levels)).tolist())
    for setting in scenario.settings.values():
        levels = audit_levels(scenario, setting, root(8), 40)
        assert len(levels.start) == 40
        assert np.asarray(held_out(scenario, levels)).all()
        assert not seen & set(np.asarray(prints(levels)).tolist())


@pytest.mark.parametrize("case", cases(13), ids=str)
def test_about_one_layout_in_sixteen_is_held_out(case: Case) -> None:
    _, held = sampler(case)(root(9), drawn(case).knobs)
    chance = 1 / HELD_OUT_ONE_IN
    assert abs(np.asarray(held).mean() - chance) <= 6 * (chance * (1 - chance) / NUM) ** 0.5


def test_training_never_has_a_held_out_layout_even_where_there_is_but_one() -> None:
    options = {"layout": "open", "corner": "top_left", "start": "top_right", "size": 12}
    scenario = scenarios.scenario("cheese_corner", options=options)
    assert np.asarray(held_out(scenario, training_levels(scenario, root(0), 8))).all()
    config = PPO(network="flat", width=8, envs=8, rollout=4, minibatches=2, chunk=1)
    with pytest.raises(TrueAimError, match="got only layouts that are kept for audits, needs others to train on"):
        train(Plan(scenario, 1, (0,), config=config))


def test_a_scenario_with_a_single_layout_says_so() -> None:
    scenario = scenarios.scenario("cheese_corner", preset="exit_maze", layout="open", size=7)
    with pytest.raises(TrueAimError, match="got 0 of 4 levels with layouts that training never sees, needs all; "):
        audit_levels(scenario, scenario.train, root(0), 4)


@pytest.mark.parametrize(
    ("name", "hashed"),
    [
        ("cheese_corner", "021de399c889a90a"),
        ("cheese_dish", "3e8d198af7537c7c"),
    ],
)
def test_levels_are_the_same_on_every_machine(name: str, hashed: str) -> None:
    """A new hash here means that published level sets are no longer what they were."""
    scenario = built(Case(name, 7))
    levels = jax.jit(lambda key: training_levels(scenario, key, 24, 0.5))(root(1))
    assert table_hash(levels) == hashed
    assert len(set(level_hashes(levels))) == 24


def test_hashes_are_of_everything_in_a_level() -> None:
    levels = drawn(Case("cheese_dish", 7)).levels
    level = jax.tree.map(lambda table: table[:1], levels)
    changed = [
        level,
        level._replace(start=level.start ^ 1),
        level._replace(things=level.things[:, ::-1] + 1),
        level._replace(cells=level.cells ^ 128),
    ]
    assert len({level_hashes(each)[0] for each in changed}) == 4
    assert table_hash(jax.tree.map(lambda table: table[::-1], levels)) != table_hash(levels)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "chese_corner",
            {},
            r"scenario: got 'chese_corner', needs one of: .*; did you mean 'cheese_corner'",
        ),
        (
            "cheese_corner",
            {"sise": 9},
            r"option of cheese_corner: got 'sise', needs one of: .*did you mean 'size'",
        ),
        ("cheese_corner", {"layout": "room"}, r"layout: got 'room', needs one of: blocks.*; did you mean 'rooms'"),
        ("cheese_corner", {"corner": "top"}, r"got 'top', needs one of: bottom_left.*; did you mean 'top_"),
        (
            "cheese_corner",
            {"start": "top_rite"},
            r"start: got 'top_rite', needs one of: anywhere, .*you mean 'top_right'",
        ),
        ("cheese_corner", {"size": 6}, r"size: got 6, needs .*greater than or equal to 7"),
        ("cheese_dish", {"size": 26}, r"size: got 26, needs .*less than or equal to 25"),
        ("cheese_dish", {"size": "big"}, r"size: got 'big', needs .*integer"),
        ("cheese_dish", {"channels": 0}, r"channels: got 0, needs .*greater than or equal to 1"),
        ("cheese_dish", {"channels": 25}, r"channels: got 25, needs .*less than or equal to 24"),
        ("cheese_dish", {"layout": "kruskal", "size": 8}, r"height: got 8, needs an odd number"),
        ("cheese_corner", {"start": "top_right"}, r"got a place within 0 cells of top_right but never on top_right, "),
        ("cheese_corner", {"target": "red cheese"}, r"things: got the name 'red cheese', needs names without space"),
        ("cheese_corner", {"target": "käse"}, r"goal name: got 'käse', needs 1 to 80 of the characters"),
        ("cheese_corner", {"target": "start"}, r"things: got the name 'start', which the start or a corner has"),
        ("cheese_corner", {"target": "top_left"}, r"things: got the name 'top_left', which the start or a corner has"),
        ("cheese_corner", {"target": "corner"}, r"goals: got \['corner', 'corner'\], needs different names"),
    ],
)
def test_what_cannot_be_built_is_refused(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(TrueAimError, match=message) as caught:
        scenarios.scenario(name, options=options)
    assert "\n" not in str(caught.value)


def test_unknown_presets_are_refused() -> None:
    with pytest.raises(TrueAimError, match="preset: got 'exit', needs one of: exit_maze; did you mean 'exit_maze'"):
        scenarios.scenario("cheese_corner", preset="exit")
    with pytest.raises(TrueAimError, match="preset: got 'exit_maze', needs one of: one_channel"):
        scenarios.scenario("cheese_dish", preset="exit_maze")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train": {"spred": 1}}, r"knob: got 'spred', needs one of: density, spread; did you mean 'spread'"),
        ({"anywere": {"spread": 1}}, r"setting: got 'anywere', needs one of: anywhere, train; did you mean 'anywhere'"),
        ({"train": {"spread": 7}}, r"spread: got 7, needs a number from 0 to 6; "),
        ({"anywhere": {"spread": -1}}, r"spread: got -1, needs a number from 0 to 6; "),
        ({"train": {"spread": float("nan")}}, r"spread: got nan, needs a number from 0 to 6; "),
        ({"knob": {"density": 0.7}}, r"density: got 0.7, needs a number from 0 to 0.6; "),
    ],
)
def test_knobs_that_cannot_be_honored_are_refused(changes: dict[str, dict[str, float]], message: str) -> None:
    with pytest.raises(TrueAimError, match=message):
        adjusted(built(Case("cheese_corner", 7)), changes)


def test_a_knob_that_does_nothing_is_not_offered() -> None:
    with pytest.raises(TrueAimError, match="knob: got 'density', needs one of: spread"):
        adjusted(built(Case("cheese_corner", 7, None, "open")), {"train": {"density": 0.1}})


def test_a_knob_for_all_settings_leaves_what_a_setting_fixes() -> None:
    scenario = adjusted(
        built(Case("cheese_corner", 7)), {"knob": {"density": 0.1, "spread": 3}, "train": {"spread": 1}}
    )
    assert dict(scenario.train) == {"density": 0.1, "spread": 1}
    assert dict(scenario.shifts["anywhere"]) == {"density": 0.1, "spread": 6}


@pytest.mark.parametrize("name", NAMES)
def test_presets_are_options_of_their_scenario(name: str) -> None:
    for preset, options in scenarios.presets_of(name).items():
        assert options.keys() <= scenarios.options_of(name).keys()
        found = scenarios.scenario(name, preset=preset, size=7)
        assert {**found.options, **options, "size": 7} == found.options
    assert scenarios.scenario(name, size=7) is scenarios.scenario(name, options={"size": 7})
    plain = scenarios.scenario(name)
    assert dict(plain.options) == scenarios.options_of(name)
    assert plain.name == name
    assert plain.source.url


def test_a_scenario_from_outside(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "foreign_case.py").write_text(
        "from dataclasses import replace\n"
        "from trueaim.scenarios.cheese_corner import cheese_corner\n"
        "PRESETS = {'small': {'size': 7}}\n"
        "def mine(size: int = 9):\n"
        "    return replace(cheese_corner(size), name='mine')\n"
        "VALUE = mine(7)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert scenarios.scenario("foreign_case:mine").options["size"] == 9
    assert scenarios.scenario("foreign_case:mine", size=11).options["size"] == 11
    assert scenarios.scenario("foreign_case:mine", preset="small").options["size"] == 7
    value = scenarios.scenario("foreign_case:VALUE")
    assert value.name == "mine"
    for name, message in (
        ("foreign_case:nothing", "scenario: got 'foreign_case:nothing', which cannot be imported .*check the spelling"),
        ("foreign_cases:mine", "scenario: got 'foreign_cases:mine', which cannot be imported"),
    ):
        with pytest.raises(TrueAimError, match=message):
            scenarios.scenario(name)
    with pytest.raises(TrueAimError, match="option of foreign_case:mine: got 'layout', needs one of: size"):
        scenarios.scenario("foreign_case:mine", layout="open")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("shifts", {}, "got no shift setting, needs at least one"),
        ("train", Setting(spred=1), "knob: got 'spred'"),
        ("shifts", {"far": Setting(spread=70)}, "spread: got 70, needs a number from 0 to 6"),
    ],
)
def test_scenarios_that_cannot_be_are_refused(field: str, value: Any, message: str) -> None:
    scenario = built(Case("cheese_corner", 7))
    fields = {name: getattr(scenario, name) for name in scenario.__dataclass_fields__}
    with pytest.raises(TrueAimError, match=message):
        Scenario(**(fields | {field: value}))
