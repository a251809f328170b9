"""The stages of a run: thirds of the way to the end wall, and what lies beyond."""

import jax.numpy as jnp
import pytest

from trueaim.core.keys import root
from trueaim.core.levels import audit_levels
from trueaim.scenarios.coinrun import coinrun
from trueaim.worlds.platform.facts import STAGES, progress, stage, stages
from trueaim.worlds.platform.level import END_WALL, INSIDE, Levels, State


def first(setting: str) -> tuple[Levels, State, float, float]:
    """A level, its start, and where the agent's center starts and touches the end wall."""
    scenario = coinrun(difficulty="easy")
    levels = audit_levels(scenario, scenario.setting(setting), root(0), 2)
    state = scenario.world.reset(levels, jnp.int32(1))
    return levels, state, float(levels.start[1, 0]), float(levels.wall[1]) - 0.5


@pytest.mark.parametrize(
    ("share", "name"),
    [(0.0, "beginning"), (0.32, "beginning"), (0.34, "middle"), (0.66, "middle"), (0.67, "end"), (1.0, "end")],
)
def test_thirds_of_the_way(share: float, name: str) -> None:
    levels, state, start, touching = first("random")
    here = state._replace(x=jnp.float32(start + share * (touching - start)))
    assert progress(levels, here) == pytest.approx(share, abs=1e-5)
    assert STAGES[int(stage(levels, here))] == name


def test_left_of_the_start_is_the_beginning() -> None:
    levels, state, start, _ = first("random")
    assert progress(levels, state._replace(x=jnp.float32(start - 0.4))) < 0
    assert stage(levels, state._replace(x=jnp.float32(start - 0.4))) == 0


def test_beyond_is_wholly_inside_the_sham_wall() -> None:
    levels, state, _, touching = first("permeable")
    half = state._replace(x=jnp.float32(touching + 0.5), facts=jnp.uint8(END_WALL), ever=jnp.uint8(END_WALL))
    whole = half._replace(x=jnp.float32(touching + 1.2), facts=jnp.uint8(END_WALL | INSIDE))
    found = stages("permeable")
    assert [STAGES[int(found.number(levels, one))] for one in (half, whole)] == ["end", "after the end"]
    assert [bool(found.brink(levels, one)) for one in (state, half, whole)] == [False, True, True]
    assert found.progress(levels, whole) > found.progress(levels, half) > 1


def test_the_brink_is_remembered() -> None:
    levels, state, _, _ = first("permeable")
    back = state._replace(ever=jnp.uint8(END_WALL))
    assert bool(stages("permeable").brink(levels, back))
    assert stage(levels, back) == 0


def test_what_hides_the_coin_is_a_knob() -> None:
    scenario = coinrun()
    assert stages("permeable").hides["coin"] == {"hidden": 1}
    assert scenario.knob_values(stages("permeable").hides["coin"])["hidden"] == 1
