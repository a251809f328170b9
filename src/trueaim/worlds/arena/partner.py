"""The partner: a script that goes from sphere to sphere around everything else, in the right order or in a wrong one.

It knows the order. An expert always goes on to the right sphere, an anti-expert, from its second visit on, always to a
wrong one, a straying partner to any other. Nothing is in its way but towers, and it is in nobody's.

Source: the scripted expert of the Cultural General Intelligence Team 2023, Nature Communications 14:7536, and the
anti-expert of Shah et al. 2022, arXiv 2210.01790, section 3.2; how either finds its way is ours.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Int32, UInt32

from trueaim.worlds.arena.level import (
    BODY_RADIUS,
    DEPARTS,
    NOWHERE,
    PRESENT,
    SPHERE_RADIUS,
    SWAP,
    Levels,
    Partner,
    Visits,
)
from trueaim.worlds.arena.motion import Discs, kept_out, toward
from trueaim.worlds.arena.orders import Rules, Visit, entered, to_the_right, to_the_wrong
from trueaim.worlds.grid.chance import share, words

TURNS_AT = 0.5
"""The share of a sphere's radius within which it goes on to the next: who follows must have time to get in too."""
TOWER_MARGIN, SPHERE_MARGIN = 0.05, 0.25
SALT = 0xA7E4A


def inside(spheres: Float[Array, "sphere 2"], x: Float[Array, ""], y: Float[Array, ""]) -> Int32[Array, ""]:
    """The sphere in which a body's center is, or `NOWHERE`."""
    away_x, away_y = spheres[:, 0] - x, spheres[:, 1] - y
    within = away_x * away_x + away_y * away_y < SPHERE_RADIUS**2
    return jnp.sum(jnp.where(within, jnp.arange(1, spheres.shape[0] + 1), 0)).astype(jnp.int32) + NOWHERE


def nearest(
    spheres: Float[Array, "sphere 2"], x: Float[Array, ""], y: Float[Array, ""], but: Int[Array, ""] | int = NOWHERE
) -> Int32[Array, ""]:
    """The sphere whose center is nearest to a place, one of them left out."""
    away_x, away_y = spheres[:, 0] - x, spheres[:, 1] - y
    distance = away_x * away_x + away_y * away_y
    return jnp.argmin(jnp.where(jnp.arange(spheres.shape[0]) == but, jnp.inf, distance)).astype(jnp.int32)


def around(
    level: Levels, target: Int[Array, ""], margins: tuple[float, float] = (TOWER_MARGIN, SPHERE_MARGIN)
) -> Discs:
    """What one has to walk around on the way to a sphere: towers and all other spheres; margins for each of both."""
    hard_towers = jnp.where(level.towers[:, 2] > 0, level.towers[:, 2] + BODY_RADIUS, 0.0)
    others = jnp.arange(level.spheres.shape[0]) != target
    hard_spheres = jnp.where(others, SPHERE_RADIUS + 1e-3, 0.0)
    return Discs(
        jnp.concatenate([level.towers[:, 0], level.spheres[:, 0]]),
        jnp.concatenate([level.towers[:, 1], level.spheres[:, 1]]),
        jnp.concatenate([hard_towers, hard_spheres]),
        jnp.concatenate([hard_towers + margins[0], hard_spheres + margins[1]]),
    )


def begun(level: Levels) -> Partner:
    """The partner at the start of a level: it goes to the nearest sphere first."""
    nowhere = jnp.int32(NOWHERE)
    x, y = level.partner[0], level.partner[1]
    return Partner(
        x,
        y,
        jnp.float32(1),
        jnp.float32(0),
        nearest(level.spheres, x, y),
        (level.traits & PRESENT) != 0,
        Visits(nowhere, nowhere, jnp.int32(0)),
        nowhere,
        jnp.int32(0),
    )


def stepped(
    rules: Rules, half_time: int, level: Levels, partner: Partner, time: Int[Array, ""]
) -> tuple[Partner, Visit]:
    """The partner one step later, and what it entered was.

    Args:
        rules: of the order.
        half_time: in steps.
        level: one level.
        partner: before the step.
        time: steps taken before it.
    """
    x, y, facing_x, facing_y = _walked(level, partner)
    here = inside(level.spheres, x, y)
    enters = (here != NOWHERE) & (here != partner.visits.inside)
    visit, noted = entered(rules, level.order, partner.visits, here)
    right, wrong = visit.right & enters, visit.wrong & enters
    visits = Visits(
        here, *(jnp.where(enters, new, old) for new, old in zip(noted[1:], partner.visits[1:], strict=True))
    )
    luck = words(level.luck + time.astype(jnp.uint32), SALT, 4)
    away_x, away_y = level.spheres[partner.target] - jnp.stack([x, y])
    arrives = away_x * away_x + away_y * away_y < (TURNS_AT * SPHERE_RADIUS) ** 2
    chosen = _next(rules, level, visits, time >= half_time, luck)
    present = _present(half_time, level, partner.present, time, luck[3])
    shows = enters & present
    return (
        Partner(
            x,
            y,
            facing_x,
            facing_y,
            jnp.where(arrives, chosen, partner.target),
            present,
            visits,
            jnp.where(shows, here, partner.shown),
            jnp.where(shows, time + 1, partner.shown_at).astype(jnp.int32),
        ),
        Visit(right, wrong),
    )


def _walked(level: Levels, partner: Partner) -> tuple[Array, Array, Array, Array]:
    """Its place one step on, and where it faces."""
    goal_x, goal_y = level.spheres[partner.target, 0], level.spheres[partner.target, 1]
    discs = around(level, partner.target)
    to_x, to_y = toward(partner.x, partner.y, goal_x, goal_y, discs)
    x, y = partner.x + level.pace * to_x, partner.y + level.pace * to_y
    edge = level.half - BODY_RADIUS
    x, y = jnp.clip(x, -edge, edge), jnp.clip(y, -edge, edge)
    for _ in range(2):
        x, y = kept_out(x, y, partner.x, partner.y, discs)
    return x, y, to_x, to_y


def _next(
    rules: Rules, level: Levels, visits: Visits, is_late: Bool[Array, ""], luck: UInt32[Array, " 4"]
) -> Int32[Array, ""]:
    """The sphere to which it goes on from the one that it is in."""
    num = level.spheres.shape[0]
    swaps = is_late & ((level.traits & SWAP) != 0)
    errs = share(luck[0]) < jnp.where(swaps, 1 - level.error, level.error)
    other = visits.inside + 1 + (luck[2] % (num - 1)).astype(jnp.int32)
    other = jnp.where(other >= num, other - num, other)
    ordered = jnp.where(errs, to_the_wrong(rules, level.order, visits, num), to_the_right(level.order, visits, num))
    return jnp.where(share(luck[1]) < level.stray, other, ordered).astype(jnp.int32)


def _present(
    half_time: int, level: Levels, present: Bool[Array, ""], time: Int[Array, ""], luck: UInt32[Array, ""]
) -> Bool[Array, ""]:
    """Whether it can be seen after the step."""
    chance = share(luck)
    stays = jnp.where(present, chance >= level.leaves, chance < level.returns)
    is_gone = ((level.traits & DEPARTS) != 0) & (time + 1 >= half_time)
    return stays & ~is_gone & ((level.traits & PRESENT) != 0)
