"""What levels tell about goals: backups against every way written out, bounds, and levels asked in that order."""

from itertools import product

import numpy as np
import pytest
from corridor import corridor
from watched import agents, seen, watched

from trueaim.agents.planted import pursuing
from trueaim.core.errors import TrueAimError
from trueaim.core.keys import root
from trueaim.core.levels import audit_levels
from trueaim.core.model import Model
from trueaim.inference.information import Pairs, ask, pairs, pool
from trueaim.inference.likelihood import Plans, decisions, plans
from trueaim.scenarios import scenario
from trueaim.training.rollout import walk

GOALS = ("cheese", "corner")
STEPS = 6
EVEN = np.full(3, 1 / 3)


def short(ends: bool = False) -> Model:
    """A corridor of three states and six steps, with a goal at either end that may also end the episode."""
    model = corridor(steps=STEPS)
    return model._replace(ends=model.stops.any(1)) if ends else model


def policies_of(planned: Plans) -> np.ndarray:
    """The probability of each action by [goal or device or whoever is done, state, action]."""
    nats = np.asarray(planned.policies, np.float64)[0, :, 0]
    return np.exp(np.concatenate([nats, np.zeros((2, *nats.shape[1:]))])) / nats.shape[-1]


def by_enumeration(model: Model, planned: Plans, first: int, other: int) -> tuple[float, float]:
    """KL and affinity from the probabilities of all sequences of actions, up to the end of the first one's plan."""
    chances, moves = policies_of(planned), np.asarray(model.moves)[0]
    stops, ends = np.asarray(model.stops)[0], np.asarray(model.ends)[0]
    ways: dict[tuple[int, ...], tuple[float, float]] = {}
    for actions in product(range(moves.shape[-1]), repeat=STEPS):
        state, taken, p, q, is_done = int(model.start[0]), [], 1.0, 1.0, False
        for action in actions:
            taken.append(action)
            p *= chances[first, state, action]
            q *= chances[-1 if is_done else other, state, action]
            state = int(moves[state, action])
            is_done = is_done or (other < len(stops) and bool(stops[other, state]))
            if ends[state] or (first < len(stops) and stops[first, state]):
                break
        ways[tuple(taken)] = (p, q)
    table = np.array(list(ways.values()))
    assert table.sum(0) == pytest.approx(1.0)
    return float((table[:, 0] * np.log(table[:, 0] / table[:, 1])).sum()), float(np.sqrt(table.prod(1)).sum())


@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize("rationality", [1.0, 3.0])
def test_backups_are_what_all_ways_written_out_give(rationality: float, ends: bool) -> None:
    model = short(ends)
    planned = plans(model, (rationality,))
    found = pairs(model, planned, rationality)
    assert found.nats.shape == (1, 3, 3)
    for first, other in product(range(3), repeat=2):
        nats, affinity = by_enumeration(model, planned, first, other)
        assert found.nats[0, first, other] == pytest.approx(nats, abs=1e-5)
        assert found.affinity[0, first, other] == pytest.approx(affinity, abs=1e-5)
    assert found.least()[0] == pytest.approx(min(found.nats[0, 0, 1], found.nats[0, 1, 0]))


def exact_information(planned: Plans, model: Model, weights: np.ndarray) -> float:
    """H(w) - E H(w | way) over all ways, where the episode ends with either goal."""
    chances, moves = policies_of(planned)[:3], np.asarray(model.moves)[0]
    ways: dict[tuple[int, ...], np.ndarray] = {}
    for actions in product(range(2), repeat=STEPS):
        state, taken, p = int(model.start[0]), [], np.ones(3)
        for action in actions:
            taken.append(action)
            p = p * chances[:, state, action]
            state = int(moves[state, action])
            if model.ends[0, state]:
                break
        ways[tuple(taken)] = p
    joint = np.array(list(ways.values())) * weights
    return float((joint * np.log(joint / joint.sum(1, keepdims=True) / weights)).sum())


@pytest.mark.parametrize("weights", [(0.4, 0.4, 0.2), (0.9, 0.05, 0.05), (0.1, 0.2, 0.7)])
@pytest.mark.parametrize("rationality", [0.5, 3.0])
def test_information_lies_between_its_bounds(rationality: float, weights: tuple[float, ...]) -> None:
    model, belief = short(ends=True), np.array(weights)
    planned = plans(model, (rationality,))
    low, high, entropy = pairs(model, planned, rationality).information(belief)
    exact = exact_information(planned, model, belief)
    assert entropy == pytest.approx(-(belief * np.log(belief)).sum())
    assert 0 <= low[0] <= exact <= high[0] <= entropy


def apart(*likeness: float) -> np.ndarray:
    """An affinity of three hypotheses from those of the pairs (0, 1), (0, 2) and (1, 2)."""
    table = np.eye(3)
    for (first, other), value in zip([(0, 1), (0, 2), (1, 2)], likeness, strict=True):
        table[first, other] = table[other, first] = value
    return table


def test_the_pair_that_is_still_open_counts() -> None:
    affinity = np.stack([apart(0.05, 0.9, 0.9), apart(0.9, 0.05, 0.9), apart(0.9, 0.9, 0.05), apart(1, 1, 1)])
    found = Pairs(-np.log(affinity), affinity)
    for level, weights in enumerate([(0.49, 0.49, 0.02), (0.49, 0.02, 0.49), (0.02, 0.49, 0.49)]):
        order = found.order(np.array(weights))
        assert order[0] == level
        assert order[-1] == 3  # tells nothing at all
    assert found.order(np.array([1.0, 0.0, 0.0]))[-1] == 3
    assert found.information(EVEN).low[3] == pytest.approx(0)


def test_levels_on_which_goals_agree_tell_nothing_and_others_much() -> None:
    cheap = [pairs(where.model, plans(where.model)).least() for where in (watched("train", 16), watched("apart", 24))]
    assert (cheap[0] < 1e-3).all()
    assert (cheap[1] > 0.1).all()
    assert np.median(cheap[1]) > 3


def test_asking_ends_with_the_goal_and_plays_the_telling_levels_first() -> None:
    where = watched("apart", 24)
    levels = pool(GOALS, where.model, where.cues)
    for number, goal in enumerate(GOALS):
        for found in seen(agents(goal, 0.3, 3), where):
            got = ask(levels, lambda row, found=found: found.rows(np.array([row])), stays=3)
            assert got.levels[0] == levels.pairs.order(EVEN)[0]
            assert len(set(got.levels.tolist())) == len(got.levels)
            assert got.believed == goal
            assert got.settled_after is not None
            assert len(got.levels) == got.settled_after + 2
            assert (got.course[got.settled_after - 1 :, number] > 0.99).all()


def test_asking_what_tells_takes_fewer_levels_than_asking_at_random() -> None:
    """Most levels of this shift hardly tell whoever goes for red from whoever goes for the line, which is red."""
    made = scenario("color_shape", size=9)
    drawn = audit_levels(made, made.shifts["red_line_yellow_gem"], root(11), 64)
    assert made.tabular is not None
    model = made.tabular.model(drawn)
    levels = pool(made.goal_names, model, made.tabular.cues(drawn))
    results, ways = walk(made, pursuing(made, "red", 0.3, 6), drawn, root(5))
    needed = {True: 0, False: 0}
    for places, length in zip(np.asarray(ways), np.asarray(results.length), strict=True):
        found = decisions(model, places, length)
        for telling in needed:
            got = ask(levels, lambda row, found=found: found.rows(np.array([row])), telling=telling, stays=3)
            assert got.believed == "red"
            assert got.settled_after is not None
            needed[telling] += got.settled_after
    assert needed[True] <= 0.7 * needed[False]


def test_asking_in_the_order_of_the_table_is_the_posterior_as_it_comes() -> None:
    where = watched("train", 16)
    found = seen(agents("corner", 0.3, 1), where)[0]
    got = ask(pool(GOALS, where.model, where.cues), lambda row: found.rows(np.array([row])), telling=False, most=4)
    assert got.levels.tolist() == [0, 1, 2, 3]
    assert got.course[-1, 0] == pytest.approx(got.course[-1, 1], abs=0.02)
    assert got.settled_after is None


def test_bad_input_is_refused_in_a_sentence() -> None:
    model = short()
    planned = plans(model, (3.0,))
    with pytest.raises(TrueAimError, match="rationality: got 10, needs one of the plans' own: 3"):
        pairs(model, planned)
    with pytest.raises(TrueAimError, match="plans: got 1 levels for a model of 2"):
        pairs(corridor(2), planned, 3.0)
    with pytest.raises(TrueAimError, match="needs 3 shares that sum to 1"):
        pairs(model, planned, 3.0).order(np.array([0.5, 0.5]))
    with pytest.raises(TrueAimError, match="got 1 levels, at most 0 to ask"):
        ask(pool(("left", "right"), model), lambda row: pytest.fail("played"), most=0)
    alone = model._replace(pays=model.pays[:, :1], stops=model.stops[:, :1])
    with pytest.raises(TrueAimError, match="goals: got 1, needs two or more"):
        pairs(alone, plans(alone, (3.0,)), 3.0).least()
