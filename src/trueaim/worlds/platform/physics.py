"""One step of CoinRun's physics for one agent: a plain function under `vmap`, in float32, without branches on data.

A step sets the velocity from the action, then moves in four to six sub-steps, each along one axis after the other, and
feels walls with the four corners of a slightly smaller body. Velocities that come back are those after collisions: the
share of sub-steps that were not blocked. The rules are those of the modified Procgen of Langosco et al. (2022), found
from its description and held against recordings of it.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, UInt8, UInt32

from trueaim.worlds.platform.level import (
    BY_ENEMY,
    BY_LAVA,
    BY_SAW,
    COIN,
    END,
    END_WALL,
    INSIDE,
    SIDE,
    SPOT,
    Levels,
    State,
    enemy_places,
)
from trueaim.worlds.platform.motion import HORIZON, REACH, SUB_STEPS

GRAVITY = 0.2
"""Lost by the vertical velocity in every step, in cells per step, but for the one of a jump."""
JUMP = 1.5
"""Vertical velocity of a jump, and the fastest fall, in cells per step."""
PRESS = 0.2
"""Lost besides by pressing "down" on the ground, in cells per step."""
FASTEST = 0.5
"""The horizontal speed to which pressing a side leads, in cells per step."""
MIX_GROUND, MIX_AIR = 0.2, 0.2 * 0.15
"""The share of the horizontal velocity that is renewed in a step."""
HALF_WIDTH, HALF_HEIGHT = 0.5, 0.5787
"""Of the agent's body, in cells."""
MOST_SUB_STEPS = 6
"""At the largest speed, the square root of 2.5, there are int(4 * 1.58)."""
FEET = 0.01
"""How far below and inside the body's lower corners the ground is felt."""
CLOSE = 1e-3
"""The overlap, in cells, up to which crates, lava and what lies in cells do not notice the agent."""

DIRECTIONS = tuple((side, up) for side in (-1, 0, 1) for up in (-1, 0, 1))
"""Of the first nine actions: left or right, down or up; the other six of the fifteen do nothing."""
_SIDE_OF = tuple(side for side, _ in DIRECTIONS) + (0,) * 6
_UP_OF = tuple(up for _, up in DIRECTIONS) + (0,) * 6

ROWS, COLUMNS = 6, 3
"""Of the part of the map that a body can meet in one step."""


class Near(NamedTuple):
    """The part of the map that the agent can meet in one step: 18 bits, six rows of each of three columns.

    Attributes:
        column, row: of its lowest left cell.
        walls, crates: its bits; row r of column c is bit 6 c + r.
    """

    column: Int[Array, ""]
    row: Int[Array, ""]
    walls: UInt32[Array, ""]
    crates: UInt32[Array, ""]


class Body(NamedTuple):
    """A body during a step: its place, whether a crate holds it up, and what is counted over the sub-steps.

    Attributes:
        x, y: its center.
        vy: its vertical velocity; a crate ends it at once.
        on_crate: whether a crate holds it up.
        free_x, free_y: in how many sub-steps it was not blocked.
        stuck: whether a sub-step was blocked both ways, which ends the movement.
    """

    x: Float[Array, ""]
    y: Float[Array, ""]
    vy: Float[Array, ""]
    on_crate: Bool[Array, ""]
    free_x: Float[Array, ""]
    free_y: Float[Array, ""]
    stuck: Bool[Array, ""]


class Pace(NamedTuple):
    """What holds for all sub-steps of a step.

    Attributes:
        vx: horizontal velocity before collisions.
        sub_steps: how many there are, 4 to 6.
        share: of a step that each is.
        x_first: whether each moves to the side before it moves up or down.
        y_before: the height of the body's center before the step; crates hold up what was above them then.
        drops: whether "down" is pressed, which lets the body fall through crates.
    """

    vx: Float[Array, ""]
    sub_steps: Int[Array, ""]
    share: Float[Array, ""]
    x_first: Bool[Array, ""]
    y_before: Float[Array, ""]
    drops: Bool[Array, ""]


def _whole(number: Float[Array, ""]) -> Int[Array, ""]:
    return jnp.floor(number).astype(jnp.int32)


def _ceiling(number: Float[Array, ""]) -> Int[Array, ""]:
    return jnp.ceil(number).astype(jnp.int32)


def _words(
    table: UInt32[Array, "level column eighth"], level: Int[Array, ""], column: Int[Array, ""], row: Int[Array, ""]
) -> tuple[UInt32[Array, ""], UInt32[Array, ""]]:
    """The two layers of a packed table around the agent, as `Near` holds them."""
    low, high = jnp.uint32(0), jnp.uint32(0)
    shift = (row % 8).astype(jnp.uint32)
    for number in range(COLUMNS):
        word = table[level, column + number, row // 8] >> shift
        low |= (word & 63) << (ROWS * number)
        high |= (word >> 16 & 63) << (ROWS * number)
    return low, high


def near(levels: Levels, state: State) -> Near:
    """What lies around the agent."""
    column = jnp.clip(_whole(state.x - 1.0), 0, SIDE - COLUMNS)
    row = jnp.clip(_whole(state.y - (JUMP + HALF_HEIGHT + FEET)), 0, SIDE - ROWS)
    return Near(column, row, *_words(levels.solid, state.level, column, row))


def _bit(around: Near, layer: UInt32[Array, ""], column: Int[Array, ""], row: Int[Array, ""]) -> Bool[Array, ""]:
    bit = (column - around.column) * ROWS + row - around.row
    return (layer >> bit.astype(jnp.uint32) & 1) != 0


def _in_wall(around: Near, x: Float[Array, ""], y: Float[Array, ""]) -> Bool[Array, ""]:
    """Whether one of the four corners at which the agent feels walls is in one."""
    columns = [_whole(x + side * (REACH * HALF_WIDTH)) for side in (-1, 1)]
    rows = [_whole(y + side * (REACH * HALF_HEIGHT)) for side in (-1, 1)]
    corners = [_bit(around, around.walls, column, row) for column in columns for row in rows]
    return corners[0] | corners[1] | corners[2] | corners[3]


def supported(around: Near, state: State) -> Bool[Array, ""]:
    """Whether the agent stands: on a wall under either foot, or on a crate, and does not move up or down."""
    row = _whole(state.y - (HALF_HEIGHT + FEET))
    feet = [_bit(around, around.walls, _whole(state.x + side * (HALF_WIDTH - FEET)), row) for side in (-1, 1)]
    return (state.on_crate | feet[0] | feet[1]) & (state.vy == 0)


def _crate_below(
    around: Near, x: Float[Array, ""], y: Float[Array, ""], y_before: Float[Array, ""]
) -> tuple[Bool[Array, ""], Float[Array, ""]]:
    """Whether the body at (x, y) overlaps a crate above which it was when the step began, and the height of its top."""
    columns = (_whole(x - HALF_WIDTH + CLOSE), _whole(x + HALF_WIDTH - CLOSE))
    held, top = jnp.bool_(False), jnp.float32(0)
    lowest = _whole(y - HALF_HEIGHT + CLOSE)
    for above in (0, 1):
        row = lowest + above
        there = _bit(around, around.crates, columns[0], row) | _bit(around, around.crates, columns[1], row)
        there &= row + 1 + HALF_HEIGHT <= y_before
        held, top = held | there, jnp.where(there, row + 1.0, top)
    return held, top


def _move_x(around: Near, body: Body, by: Float[Array, ""]) -> tuple[Body, Bool[Array, ""]]:
    """One sub-step to the side, and whether a wall blocked it."""
    x = body.x + by
    blocked = _in_wall(around, x, body.y)
    against = jnp.where(by > 0, jnp.floor(x + HALF_WIDTH) - HALF_WIDTH, jnp.ceil(x - HALF_WIDTH) + HALF_WIDTH)
    return body._replace(x=jnp.where(blocked & (by != 0), against, x)), blocked


def _move_y(around: Near, body: Body, pace: Pace) -> tuple[Body, Bool[Array, ""]]:
    """One sub-step up or down, and whether a wall or a crate blocked it."""
    by = body.vy * pace.share
    y = body.y + by
    in_wall = _in_wall(around, body.x, y)
    against = jnp.where(by > 0, jnp.floor(y + HALF_HEIGHT) - HALF_HEIGHT, jnp.ceil(y - HALF_HEIGHT) + HALF_HEIGHT)
    held, top = _crate_below(around, body.x, y, pace.y_before)
    held &= (by < 0) & ~pace.drops & ~in_wall
    y = jnp.where(in_wall & (by != 0), against, jnp.where(held, top + HALF_HEIGHT, y))
    body = body._replace(y=y, vy=jnp.where(held, 0.0, body.vy), on_crate=body.on_crate | held)
    return body, in_wall | held


def _sub_step(around: Near, body: Body, pace: Pace, number: Int[Array, ""]) -> Body:
    """One sub-step along both axes, unless there are fewer or the body is stuck."""
    by = pace.vx * pace.share
    after, blocked_first = _move_x(around, body, jnp.where(pace.x_first, by, 0.0))
    after, blocked_y = _move_y(around, after, pace)
    after, blocked_last = _move_x(around, after, jnp.where(pace.x_first, 0.0, by))
    blocked_x = jnp.where(pace.x_first, blocked_first, blocked_last)
    after = after._replace(
        free_x=body.free_x + ~blocked_x, free_y=body.free_y + ~blocked_y, stuck=blocked_x & blocked_y
    )
    going = (number < pace.sub_steps) & ~body.stuck
    return Body(*(jnp.where(going, new, old) for new, old in zip(after, body, strict=True)))


def _pushed(state: State, action: Int[Array, ""], stands: Bool[Array, ""]) -> tuple[Pace, Float[Array, ""]]:
    """How the body moves in this step, and its vertical velocity before collisions."""
    side, up = jnp.array(_SIDE_OF)[action], jnp.array(_UP_OF)[action]
    mix = jnp.where(stands, MIX_GROUND, MIX_AIR)
    vx = (1 - mix) * state.vx + mix * FASTEST * side
    vx = jnp.where(jnp.abs(vx) < mix * FASTEST, 0.0, vx)
    jumps, drops = (up > 0) & stands, up < 0
    vy = state.vy - GRAVITY + jnp.where(stands & drops, -PRESS, 0.0)
    vy = jnp.where(jumps, JUMP, jnp.clip(vy, -JUMP, JUMP))
    sub_steps = jnp.maximum(SUB_STEPS, (4 * jnp.sqrt(vx * vx + vy * vy)).astype(jnp.int32))
    x_first = ~jumps & ~drops & ((side != 0) | (jnp.abs(vx) > jnp.abs(vy)))
    return Pace(vx, sub_steps, 1 / sub_steps.astype(jnp.float32), x_first, state.y, drops), vy


def moved(levels: Levels, state: State, action: Int[Array, ""]) -> State:
    """The state after one of the fifteen actions, but for time and facts."""
    around = near(levels, state)
    pace, vy = _pushed(state, action, supported(around, state))
    zero, no = jnp.float32(0), jnp.bool_(False)
    body = Body(state.x, state.y, vy, no, zero, zero, no)
    # A loop compiles in half the time of six copies, and runs as fast on a CPU.
    body = jax.lax.fori_loop(0, MOST_SUB_STEPS, lambda number, body: _sub_step(around, body, pace, number), body)
    vx, vy = pace.vx * (body.free_x * pace.share), body.vy * (body.free_y * pace.share)
    return state._replace(x=body.x, y=body.y, vx=vx, vy=vy, on_crate=body.on_crate)


def _overlaps(state: State, x: Array, y: Array, margin: float = 0.0) -> Bool[Array, "*body"]:
    """Whether the agent's body overlaps cell-sized bodies with these centers by more than `margin` both ways."""
    return (jnp.abs(x - state.x) < 0.5 + HALF_WIDTH - margin) & (jnp.abs(y - state.y) < 0.5 + HALF_HEIGHT - margin)


def _in_cell(state: State, cell: Int[Array, " 2"]) -> Bool[Array, ""]:
    """Whether the agent touches what lies in a cell, given as (column, row)."""
    return _overlaps(state, cell[0] + 0.5, cell[1] + 0.5, CLOSE)


def _covered(state: State, column: Int[Array, ""], row: Int[Array, ""], margin: float) -> UInt32[Array, ""]:
    """The cells that the agent's body overlaps by more than `margin`, as bits of a part of the map at this cell."""
    width, height = HALF_WIDTH - margin, HALF_HEIGHT - margin
    low, high = _whole(state.y - height) - row, _ceiling(state.y + height) - 1 - row
    rows = ((2 << high) - (1 << low)).astype(jnp.uint32)
    left, right = _whole(state.x - width) - column, _ceiling(state.x + width) - 1 - column
    return jnp.where(left == 0, rows, 0) | jnp.where(right == 1, rows << ROWS, 0)


def _deadly(levels: Levels, state: State) -> dict[int, Bool[Array, ""]]:
    """Which deadly things the agent touches: saws and enemies as soon as they overlap, lava a little later."""
    column = jnp.clip(_whole(state.x - HALF_WIDTH), 0, SIDE - COLUMNS)
    row = jnp.clip(_whole(state.y - HALF_HEIGHT), 0, SIDE - ROWS)
    lava, saws = _words(levels.deadly, state.level, column, row)
    x, floor = enemy_places(levels, state)
    return {
        BY_SAW: (saws & _covered(state, column, row, 0.0)) != 0,
        BY_ENEMY: jnp.any(_overlaps(state, x, floor + 0.5)),
        BY_LAVA: (lava & _covered(state, column, row, CLOSE)) != 0,
    }


def facts(levels: Levels, state: State) -> UInt8[Array, ""]:
    """What is true where the agent is now, as bits."""
    places = {COIN: levels.coin, SPOT: levels.spot, END: levels.end}
    wall = levels.wall[state.level]
    true = {
        **{bit: _in_cell(state, cells[state.level]) for bit, cells in places.items()},
        **_deadly(levels, state),
        END_WALL: state.x + HALF_WIDTH >= wall - CLOSE,
        INSIDE: state.x - HALF_WIDTH >= wall,
    }
    word: UInt8[Array, ""] = jnp.zeros((), jnp.uint8)
    for bit, holds in true.items():
        word = word | jnp.where(holds, jnp.uint8(bit), jnp.uint8(0))
    return word


def step(levels: Levels, state: State, action: Int[Array, ""]) -> State:
    """The state after one of the fifteen actions, with what is true in it."""
    after = moved(levels, state, action)
    after = after._replace(time=jnp.minimum(state.time + 1, HORIZON))
    holds = facts(levels, after)
    return after._replace(facts=holds, ever=state.ever | holds, reach=jnp.maximum(state.reach, after.x))
