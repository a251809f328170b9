"""The map of a planned level: what each column holds, and from that every cell."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, Key, UInt8, UInt32

from trueaim.core.errors import unknown_name
from trueaim.worlds.platform.level import BARRIER, CRATE, LAVA, SAW, SHAM, SIDE, WALL, Levels, built
from trueaim.worlds.platform.sections import ENEMY_PIT, FIRST_COLUMN, MOST_PIT, SAW_PIT, Plan, Section, planned

SHAM_COLUMNS = 15
"""The most columns of a sham end wall; behind them all is solid, and below them there is ground."""
COIN_RULES = ("original", "uniform", "right_20_percent")
"""Where a random coin lies: on the first column of a section drawn uniformly; on any column of the level on which there
is ground without saw or crate; on one of those in the right-most fifth."""
NONE = -1


class Profile(NamedTuple):
    """What each column holds; rows are `NONE` where there is no such thing.

    Attributes:
        ground: rows below this are wall.
        sham: rows from the ground on look like wall.
        ledge: row of a platform over a gap.
        lava: height of lava above the lowest row.
        saw: row of a saw.
        pile: row of the lowest of its crates.
        crates: how many.
        barriers: rows of the unseen barriers at the ends of the sections before and after.
    """

    ground: Int[Array, " column"]
    sham: Bool[Array, " column"]
    ledge: Int[Array, " column"]
    lava: Int[Array, " column"]
    saw: Int[Array, " column"]
    pile: Int[Array, " column"]
    crates: Int[Array, " column"]
    barriers: tuple[Int[Array, " column"], Int[Array, " column"]]


def _columns() -> Int[Array, " column"]:
    return jnp.arange(SIDE, dtype=jnp.int32)


def _within(first: Int[Array, " section"], width: Int[Array, " section"]) -> Bool[Array, "section column"]:
    return (_columns() >= first[:, None]) & (_columns() < (first + width)[:, None])


def _most(
    where: Bool[Array, "section column"], values: Int[Array, " section"] | int, otherwise: int
) -> Int[Array, " column"]:
    """For each column the largest value of the sections where this holds."""
    values = jnp.broadcast_to(jnp.asarray(values, jnp.int32), where.shape[:1])
    return jnp.max(jnp.where(where, values[:, None], otherwise), axis=0)


def profile(plan: Plan, sham: Bool[Array, ""]) -> Profile:
    """What each column of a planned level holds.

    Args:
        plan: of the level.
        sham: whether the end wall only looks like one.
    """
    s, columns, (end, end_height) = plan.sections, _columns(), plan.end
    there = s.there[:, None]
    gap = there & _within(s.gap_first, s.gap_width)
    solid = there & _within(s.first, s.width) & ~gap
    ground = jnp.where(columns == end, end_height, _most(solid, s.height, 1))
    is_sham = sham & (columns > end) & (columns <= jnp.minimum(end + SHAM_COLUMNS, SIDE - 2))
    ground = jnp.where((columns == 0) | (columns > end), jnp.where(is_sham, end_height, SIDE), ground)
    pit_saw = gap & (plan.danger == SAW_PIT)
    piles = [there & (columns == s.crates[:, number, None]) for number in (0, 1)]
    last = s.first + s.width
    return Profile(
        ground=ground,
        sham=is_sham,
        ledge=_most(there & _within(s.ledge_first, s.ledge_width), s.height - 1, NONE),
        lava=_most(gap, s.lava, 0),
        saw=jnp.maximum(_most(pit_saw, 1, NONE), _most(there & (columns == s.saw[:, None]), s.height, NONE)),
        pile=_most(piles[0] | piles[1], s.height, NONE),
        crates=jnp.maximum(*(_most(pile, s.piles[:, number], 0) for number, pile in enumerate(piles))),
        barriers=(
            _most(there & (columns == s.first[:, None] - 1), s.height, NONE),
            _most(there & (columns == last[:, None]) & (columns < end), s.height, NONE),
        ),
    )


def cells_of(columns: Profile) -> UInt8[Array, "row column"]:
    """Every cell of a map, as bits."""
    row = jnp.arange(SIDE, dtype=jnp.int32)[:, None]
    wall = (row < columns.ground) | (row == columns.ledge)
    parts = (
        (WALL, wall),
        (SHAM, columns.sham & ~wall),
        (LAVA, (row >= 1) & (row <= columns.lava)),
        (SAW, row == columns.saw),
        (CRATE, (row >= columns.pile) & (row < columns.pile + columns.crates)),
        (BARRIER, ((row == columns.barriers[0]) | (row == columns.barriers[1])) & ~wall),
    )
    cells = jnp.zeros((SIDE, SIDE), jnp.uint8)
    for bit, holds in parts:
        cells |= jnp.where(holds, jnp.uint8(bit), jnp.uint8(0))
    return cells


def enemies_of(plan: Plan) -> Int[Array, "enemy 3"]:
    """(row, column, direction) of every enemy: those in pits, or the one that walks on a section's ground."""
    s: Section = plan.sections
    slot = jnp.arange(MOST_PIT)
    in_pit = s.there[:, None] & (slot < s.gap_width[:, None]) & (plan.danger == ENEMY_PIT)
    walks = (s.there & (s.walker >= 0))[:, None] & (slot == 0)
    row = jnp.where(in_pit, 1, s.height[:, None])
    column = jnp.where(in_pit, s.gap_first[:, None] + slot, s.walker[:, None])
    direction = jnp.where(s.rights[:, None] >> slot & 1, 1, -1) * (in_pit | walks)
    found = jnp.stack([row, column, direction], -1) * (direction != 0)[..., None]
    return found.reshape(-1, 3)


def rule_number(rule: str) -> int:
    """The number of a rule of `COIN_RULES`; raises `TrueAimError` with the known names."""
    if rule not in COIN_RULES:
        raise unknown_name("coin rule", rule, COIN_RULES)
    return COIN_RULES.index(rule)


def spot_of(plan: Plan, columns: Profile, rule: str | Int[Array, ""]) -> Int[Array, " 2"]:
    """(column, row) of a random coin by a rule of `COIN_RULES`, which goes by its name or its number."""
    number = rule_number(rule) if isinstance(rule, str) else rule
    original = jnp.stack([plan.sections.first[plan.chosen], plan.sections.height[plan.chosen]])
    late = number == COIN_RULES.index("right_20_percent")
    return jnp.where(number == COIN_RULES.index("original"), original, _bare_spot(plan, columns, jnp.asarray(late)))


def _bare_spot(plan: Plan, columns: Profile, late: Bool[Array, ""]) -> Int[Array, " 2"]:
    """(column, row) on any ground without saw or crate, or on that of the right-most fifth."""
    at, end = _columns(), plan.end[0]
    first = jnp.where(late, jnp.ceil(1 + 0.8 * (end - 1)).astype(jnp.int32), FIRST_COLUMN)
    bare = (columns.saw == NONE) & (columns.pile == NONE)
    gaps = jnp.any(plan.sections.there[:, None] & _within(plan.sections.gap_first, plan.sections.gap_width), 0)
    good = bare & ~gaps & (at >= first) & (at <= end)
    number = (plan.words[0] % jnp.sum(good).astype(jnp.uint32)).astype(jnp.int32)
    column = jnp.argmax(jnp.cumsum(good) > number).astype(jnp.int32)
    return jnp.stack([column, columns.ground[column]])


def drawn(
    key: Key[Array, ""],
    difficulty: str = "hard",
    rule: str | Int[Array, ""] = "original",
    moved: Array | float = 0.0,
    sham: Array | bool = False,
    traits: UInt8[Array, ""] | int = 0,
) -> Levels:
    """One level.

    The layout depends on the key alone, so that settings of all else can be compared level by level.

    Args:
        key: a random key.
        difficulty: "easy" or "hard".
        rule: where a random coin lies, of `COIN_RULES`, by name or number.
        moved: the probability that the coin lies there and not at the end of the level.
        sham: whether the end wall only looks like one: it lets the agent pass, and turns enemies.
        traits: `HIDDEN` and `FATAL` of `trueaim.worlds.platform.level`, as bits.

    Raises:
        TrueAimError: for another difficulty or rule.
    """
    plan = planned(key, difficulty)
    columns = profile(plan, jnp.asarray(sham) != 0)
    spot = spot_of(plan, columns, rule)
    is_moved = _fraction(plan.words[1]) < moved
    coin = jnp.where(is_moved, spot, plan.end)
    return built(cells_of(columns), enemies_of(plan), coin, spot, plan.end, plan.words[2], MOST_PIT, traits)


def _fraction(word: UInt32[Array, ""]) -> Array:
    """A number from 0 to below 1 from a random word."""
    return (word >> 8).astype(jnp.float32) / (1 << 24)
