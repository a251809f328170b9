"""The level buffer against plain loops in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from trueaim.training.curricula import buffer as buffers
from trueaim.training.curricula.buffer import Buffer

SIZE = 12


def entries_of(numbers, scores, highest=None):
    """Levels that are nothing but a number."""
    rows = buffers.entries({"number": jnp.array(numbers, jnp.int32)}, jnp.zeros(len(numbers), bool))
    highest = jnp.array(scores if highest is None else highest, jnp.float32)
    return rows._replace(score=jnp.array(scores, jnp.float32), highest=highest, highest_learned=highest)


def buffer_of(numbers, scores, visited, clock, size=SIZE):
    found = buffers.empty(entries_of([0], [0.0]), size)
    slots = jnp.arange(len(numbers))
    table = jax.tree.map(lambda old, new: old.at[slots].set(new), found.entries, entries_of(numbers, scores))
    return Buffer(
        table,
        found.is_filled.at[slots].set(True),
        found.visited.at[slots].set(jnp.array(visited)),
        jnp.array(clock, jnp.int32),
    )


def weights_by_hand(scores, visited, clock, temperature, staleness):
    """Source: arXiv 2010.03934, equations 1 to 3; equal scores take every order equally often."""
    scores, since = np.array(scores), clock - np.array(visited, float)
    ranks = np.arange(1, len(scores) + 1, dtype=float) ** (-1 / temperature)
    order = np.sort(scores)[::-1]
    by_score = np.array([ranks[order == score].mean() for score in scores]) / ranks.sum()
    by_age = since / since.sum() if since.any() else np.full(len(scores), 1 / len(scores))
    return (1 - staleness) * by_score + staleness * by_age


@pytest.mark.parametrize("temperature", [0.1, 0.3, 1.0, 5.0])
@pytest.mark.parametrize("staleness", [0.0, 0.1, 1.0])
def test_weights_are_those_of_the_source(temperature, staleness):
    scores, visited = [0.5, -1.0, 0.5, 2.0, 0.0, -0.0, 0.5], [3, 0, 9, 9, 1, 4, 2]
    found = buffers.weights(buffer_of(range(7), scores, visited, 9), temperature, staleness)
    expected = weights_by_hand(scores, visited, 9, temperature, staleness)
    np.testing.assert_allclose(found[:7], expected, rtol=1e-5, atol=1e-12)
    assert not found[7:].any()


def test_the_temperature_is_an_exponent():
    """Score over temperature, the mistake of a library, would give another ratio."""
    found = buffers.ranked(jnp.array([3.0, 1.0, 2.0]), jnp.ones(3, bool), 0.5)
    np.testing.assert_allclose(found, np.array([1, 1 / 9, 1 / 4]) / (1 + 1 / 9 + 1 / 4), rtol=1e-6)


def test_a_level_that_was_just_played_is_not_stale():
    found = buffers.stale(buffer_of([1, 2, 3], [0.0, 0, 0], [7, 5, 3], 7))
    np.testing.assert_allclose(found[:3], [0, 1 / 3, 2 / 3], rtol=1e-6)


def test_where_all_were_just_played_all_are_equally_stale():
    found = buffers.stale(buffer_of([1, 2, 3], [0.0, 0, 0], [7, 7, 7], 7))
    np.testing.assert_allclose(found, np.append(np.full(3, 1 / 3), np.zeros(SIZE - 3)), rtol=1e-6)


def test_an_empty_buffer_has_no_weights_and_no_nan():
    empty = buffers.empty(entries_of([0], [0.0]), SIZE)
    assert not np.asarray(buffers.weights(empty, 0.1, 0.1)).any()


def test_ranks_hold_for_thousands_of_slots():
    scores = np.random.default_rng(0).normal(size=4096).astype(np.float32)
    found = buffers.ranked(jnp.array(scores), jnp.ones(4096, bool), 0.3)
    expected = weights_by_hand(scores.tolist(), [0] * 4096, 0, 0.3, 0.0)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def inserted_by_hand(kept, clock, chances, size, new):
    """A list of (number, score, highest, visited) or None; the same rules one after the other."""
    slots = list(kept)
    waiting, seen = [], set()
    for number, score, highest in new:
        if number in seen or np.isnan(score):
            continue
        seen.add(number)
        where = next((i for i, held in enumerate(slots) if held and held[0] == number), None)
        if where is None:
            waiting.append((number, score, highest))
        else:
            slots[where] = (number, score, max(highest, slots[where][2]), clock)
    order = sorted(range(size), key=lambda i: (kept[i] is not None, chances[i], i))
    for (number, score, highest), slot in zip(sorted(waiting, key=lambda one: -one[1]), order, strict=False):
        if slots[slot] is None or score > slots[slot][1]:
            slots[slot] = (number, score, highest, clock)
    return slots


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("held", [0, 5, SIZE])
def test_inserting_is_the_same_as_one_after_the_other(seed, held):
    draw = np.random.default_rng(seed)
    numbers = draw.permutation(20)[:held].tolist()
    scores, visited = draw.normal(size=held).round(3).tolist(), draw.integers(0, 6, held).tolist()
    before = buffer_of(numbers, scores, visited, 6) if held else buffers.empty(entries_of([0], [0.0]), SIZE)
    before = before._replace(clock=jnp.int32(6))
    new = draw.integers(0, 30, 8).tolist()
    new_scores = np.where(draw.random(8) < 0.2, np.nan, draw.normal(size=8).round(3)).tolist()
    chances = np.asarray(buffers.weights(before, 0.5, 0.2))
    after = buffers.inserted(before, jnp.array(chances), entries_of(new, new_scores), jnp.ones(8, bool))
    rows = list(zip(numbers, scores, scores, visited, strict=True))
    kept = [rows[i] if i < held else None for i in range(SIZE)]
    expected = inserted_by_hand(kept, 6, chances, SIZE, list(zip(new, new_scores, new_scores, strict=True)))
    table = after.entries
    found = [
        (int(n), pytest.approx(float(s)), pytest.approx(float(h)), int(v)) if filled else None
        for n, s, h, v, filled in zip(
            table.levels["number"], table.score, table.highest, after.visited, after.is_filled, strict=True
        )
    ]
    assert expected == found


def test_a_level_that_is_held_already_is_rescored_and_never_held_twice():
    before = buffer_of([4, 5], [1.0, 2.0], [0, 0], 3)
    after = buffers.inserted(
        before, buffers.weights(before, 1.0, 0.0), entries_of([5, 6, 6], [0.5, 0.1, 9.0]), jnp.ones(3, bool)
    )
    np.testing.assert_array_equal(after.entries.levels["number"][:3], [4, 5, 6])
    np.testing.assert_allclose(after.entries.score[:3], [1.0, 0.5, 0.1])
    np.testing.assert_allclose(after.entries.highest[:3], [1.0, 2.0, 0.1])
    np.testing.assert_array_equal(after.visited[:3], [0, 3, 3])
    assert after.is_filled.sum() == 3


def test_what_is_not_offered_does_not_enter():
    before = buffers.empty(entries_of([0], [0.0]), SIZE)
    new = entries_of([1, 2, 3], [1.0, float("nan"), 3.0])
    after = buffers.inserted(before, jnp.zeros(SIZE), new, jnp.array([True, True, False]))
    assert after.is_filled.sum() == 1
    assert after.entries.levels["number"][np.flatnonzero(after.is_filled)[0]] == 1


def test_rescoring_sets_the_clock_and_leaves_the_rest():
    before = buffer_of([4, 5, 6], [1.0, 2.0, 3.0], [0, 0, 0], 8)
    applies = jnp.array([True, True, False])
    after = buffers.rescored(before, jnp.array([2, 2, 0]), entries_of([6, 6, 4], [7.0, 7.0, 9.0]), applies)
    np.testing.assert_allclose(after.entries.score[:3], [1.0, 2.0, 7.0])
    np.testing.assert_array_equal(after.visited[:3], [0, 0, 8])
    assert buffers.stale(after)[2] == 0


def test_samples_follow_the_chances():
    chances = jnp.array([0.0, 0.1, 0.6, 0.3, 0.0])
    drawn = np.asarray(buffers.sample(jax.random.key(1), chances, 20_000, repeats=True))
    np.testing.assert_allclose(np.bincount(drawn, minlength=5) / 20_000, chances, atol=0.015)


def test_samples_without_repeats_differ_and_come_round_again_where_too_few_have_a_chance():
    chances = jnp.array([0.0, 0.5, 0.3, 0.0, 0.2])
    firsts = []
    for number in range(300):
        drawn = np.asarray(buffers.sample(jax.random.key(number), chances, 5, repeats=False))
        assert sorted(drawn[:3]) == [1, 2, 4]
        np.testing.assert_array_equal(drawn[3:], drawn[:2])
        firsts.append(drawn[0])
    np.testing.assert_allclose(np.bincount(firsts, minlength=5) / 300, chances, atol=0.09)


def test_equal_levels_share_a_digest_and_others_do_not():
    table = {
        "cells": jax.random.randint(jax.random.key(0), (500, 9), 0, 2).astype(jnp.uint8),
        "start": jnp.arange(500) % 4,
    }
    twice = jax.tree.map(lambda field: jnp.concatenate([field, field]), table)
    digests = np.asarray(buffers.digest(twice))
    np.testing.assert_array_equal(digests[:500], digests[500:])
    rows = np.concatenate([np.asarray(table["cells"]), np.asarray(table["start"])[:, None]], 1)
    assert len(np.unique(digests, axis=0)) == len(np.unique(rows, axis=0))
