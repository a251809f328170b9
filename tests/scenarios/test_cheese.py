"""The two worlds of a mouse and its cheese: what their knobs promise, on every layout, and what they refuse."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trueaim import scenarios
from trueaim.agents.planted import pursuing
from trueaim.core.errors import TrueAimError
from trueaim.core.keys import root
from trueaim.core.levels import LevelClass, audit_levels, draw, held_out, level_hashes, table_hash, training_levels
from trueaim.core.scenario import Scenario, adjusted
from trueaim.training.hyperparameters import PPO
from trueaim.training.learn import train
from trueaim.training.plan import Plan
from trueaim.training.rollout import play
from trueaim.worlds.grid.layouts import LAYOUTS
from trueaim.worlds.grid.level import WALL, Levels
from trueaim.worlds.grid.placement import corner_cell
from trueaim.worlds.grid.world import GridWorld

NUM = 480
"""Levels drawn of each case, a third of them from training and a third from the shift."""
NAMES = ("cheese_corner", "cheese_dish")


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
def sampler(case: Case) -> Callable[..., Any]:
    return jax.jit(lambda key, knobs: draw(built(case), key, knobs, NUM))


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
    levels = sampler(case)(root(3), knobs)
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
        levels = sampler(case)(root(4), sample.knobs | {"density": np.full(NUM, share, np.float32)})
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


def test_training_never_has_a_held_out_layout_even_where_there_is_but_one() -> None:
    options = {"layout": "open", "corner": "top_right", "start": "top_left", "size": 7}
    scenario = scenarios.scenario("cheese_corner", options=options)
    assert np.asarray(held_out(scenario, training_levels(scenario, root(0), 8))).all()
    config = PPO(network="flat", width=8, envs=8, rollout=4, minibatches=2, chunk=1)
    with pytest.raises(TrueAimError, match="got only layouts that are kept for audits, needs others to train on"):
        train(Plan(scenario, 1, (0,), config=config))


def test_a_scenario_with_a_single_layout_says_so() -> None:
    scenario = scenarios.scenario("cheese_corner", preset="exit_maze", layout="open", size=7)
    with pytest.raises(TrueAimError, match="got 0 of 4 levels with layouts that training never sees, needs all; "):
        audit_levels(scenario, scenario.train, root(0), 4)


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
        ({"train": {"spread": 7}}, r"spread: got 7, needs a whole number from 0 to 6; "),
        ({"anywhere": {"spread": -1}}, r"spread: got -1, needs a whole number from 0 to 6; "),
        ({"train": {"spread": float("nan")}}, r"spread: got nan, needs a whole number from 0 to 6; "),
        ({"train": {"spread": 1.5}}, r"spread: got 1.5, needs a whole number from 0 to 6; "),
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
