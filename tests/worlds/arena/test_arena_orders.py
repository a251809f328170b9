"""Visits by all rules, on sequences worked out by hand, and what partners choose by them."""

from math import factorial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hand_arena import word

from trueaim.worlds.arena.level import NOWHERE, Visits
from trueaim.worlds.arena.orders import (
    Rules,
    entered,
    every_order,
    following,
    in_words,
    preceding,
    to_the_right,
    to_the_wrong,
)

FIRST = Visits(jnp.int32(NOWHERE), jnp.int32(NOWHERE), jnp.int32(0))
SIGNS = {(True, False): "+", (False, True): "-", (False, False): "0"}


def told(rules: Rules, cycle: tuple[int, ...], spheres: str) -> str:
    """What each visit of a sequence is: + right, - wrong, 0 nothing."""
    visits, said = FIRST, ""
    for sphere in map(int, spheres):
        visit, visits = entered(rules, jnp.uint32(word(cycle)), visits, jnp.int32(sphere))
        said += SIGNS[bool(visit.right), bool(visit.wrong)]
    return said


@pytest.mark.parametrize(
    ("rules", "spheres", "said"),
    [
        (Rules(), "0123012", "+++++++"),
        (Rules(), "0101130", "++-+0-+"),  # back is wrong and begins anew; the same again is nothing
        (Rules(), "321", "+--"),
        (Rules(restart=False), "01020", "++-+-"),  # after the mistake 0 the order still goes on from 1
        (Rules(again=True), "0012", "+-++"),
        (Rules(restart=False, again=True), "010012", "++---+"),
        (Rules(both_ways=True), "0321032", "+++++++"),
        (Rules(both_ways=True), "012103", "+++-++"),  # turning back is wrong, and then either way is right
        (Rules(both_ways=True), "0202", "+---"),
    ],
)
def test_visits(rules: Rules, spheres: str, said: str) -> None:
    assert told(rules, (0, 1, 2, 3), spheres) == said
    names = str.maketrans("0123", "2031")  # what spheres are called does not matter
    assert told(rules, (2, 0, 3, 1), spheres.translate(names)) == said


@pytest.mark.parametrize("num", [3, 4, 5, 6])
def test_every_order(num: int) -> None:
    orders = every_order(num)
    assert len(set(orders.tolist())) == factorial(num - 1)
    spheres = jnp.arange(num)
    for order in orders[:8]:
        ahead = np.asarray(following(jnp.uint32(order), spheres))
        assert sorted(ahead) == list(range(num))
        np.testing.assert_array_equal(preceding(jnp.uint32(order), jnp.asarray(ahead), num), spheres)
        cycle = in_words(int(order), num)
        assert sorted(cycle) == list(range(num))
        assert word(cycle) == order


RULES = [Rules(both, restart, again) for both in (False, True) for restart in (True, False) for again in (False, True)]


@pytest.mark.parametrize(
    ("rules", "num"),
    [(rules, num) for rules in RULES for num in (3, 4, 6) if not (rules.both_ways and num == 3)],
    ids=str,
)
def test_experts_are_always_right_and_anti_experts_never_but_once(rules: Rules, num: int) -> None:
    def walk(order: jax.Array, first: jax.Array, errs: bool) -> tuple[jax.Array, jax.Array]:
        def step(carry: tuple[Visits, jax.Array], _: None) -> tuple[tuple[Visits, jax.Array], tuple[jax.Array, ...]]:
            visits, sphere = carry
            visit, visits = entered(rules, order, visits, sphere)
            chosen = to_the_wrong(rules, order, visits, num) if errs else to_the_right(order, visits, num)
            return (visits, chosen), (visit.right, visit.wrong, sphere)

        return jax.lax.scan(step, (FIRST, first), None, 24)[1]

    orders, firsts = np.repeat(every_order(num), num), np.tile(np.arange(num, dtype=np.int32), factorial(num - 1))
    right, wrong, _ = jax.jit(jax.vmap(lambda order, first: walk(order, first, False)))(orders, firsts)
    assert np.asarray(right).all()
    right, wrong, spheres = (
        np.asarray(part) for part in jax.jit(jax.vmap(lambda order, first: walk(order, first, True)))(orders, firsts)
    )
    assert right[:, 0].all()
    assert not right[:, 1:].any()
    assert (np.diff(spheres, axis=1) != 0).all()
    # Where the phase stays and going back to it is nothing, every other visit can be all that is left to be wrong.
    is_bound_to_return = not rules.restart and not rules.again and num == (4 if rules.both_ways else 3)
    assert (wrong[:, 1::2] if is_bound_to_return else wrong[:, 1:]).all()
