"""One level as the exact one-dimensional problem reads it; many as a problem with a random start."""

import numpy as np
import pytest
from corridor import corridor

from trueaim.core.keys import root
from trueaim.core.levels import audit_levels
from trueaim.inference.directedness import achieved, scales
from trueaim.inference.meg import known_goal, process, soft_start
from trueaim.scenarios import scenario


@pytest.fixture(scope="module")
def maze():
    made = scenario("cheese_corner", size=7)
    return made.tabular.model(audit_levels(made, made.setting(next(iter(made.shifts))), root(3), 24))


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.95])
def test_on_one_level_it_is_the_exact_problem(share):
    model = corridor()
    exact = known_goal(process(model, 0, 0)._replace(pays=process(model, 0, 0).pays), share)
    nats, b = scales(model)[0].read(share)
    assert nats == pytest.approx(np.sign(exact.rationality) * exact.nats, abs=2e-3)
    assert np.sign(b) == np.sign(exact.rationality)


def test_over_levels_it_is_the_mean_problem(maze):
    model = maze
    one = scales(model)[0]
    rows = np.flatnonzero(one.levels)
    problems = [process(model, row, 0) for row in rows]
    worth = [1 / known_optimum(model, row) for row in rows]
    wanted = np.mean([soft_start(p._replace(pays=p.pays * w), 40.0) for p, w in zip(problems, worth, strict=True)])
    assert np.interp(40.0, one.rationality, one.soft) == pytest.approx(wanted, abs=5e-3)


def known_optimum(model, row):
    from trueaim.inference.planning import optimal

    return float(optimal(model)[row, 0, int(model.start[row])].max())


def test_random_moves_read_nothing_and_the_best_read_the_most(maze):
    for one in scales(maze):
        slope = (one.soft[len(one.soft) // 2 + 1] - one.soft[len(one.soft) // 2 - 1]) / (
            one.rationality[len(one.soft) // 2 + 1] - one.rationality[len(one.soft) // 2 - 1]
        )
        assert one.optimum == pytest.approx(1.0, abs=1e-5)
        assert one.read(float(slope))[0] == pytest.approx(0.0, abs=1e-4)
        assert one.read(0.0)[0] < 0 < one.read(0.9)[0] < one.most


def test_the_reading_rises_with_the_return(maze):
    one = scales(maze)[1]
    read = [one.read(share)[0] for share in np.linspace(0, 1, 41)]
    assert np.all(np.diff(read) >= -1e-9)


def test_a_missing_return_reads_as_missing(maze):
    assert np.isnan(scales(maze)[0].read(np.nan)).all()


def test_an_agent_that_walks_the_plan_gets_all_there_is():
    model = corridor(2)
    places = np.array([[[1, 0, 0, 0], [1, 2, 1, 0]]])
    found = achieved(model, places, np.array([[1, 3]]))
    np.testing.assert_allclose(found[0], [[1.0, 0.0], [0.25, 1.0]])


def test_what_is_past_the_end_does_not_count():
    found = achieved(corridor(1), np.array([[[1, 1, 0]]]), np.array([[1]]))
    np.testing.assert_allclose(found[0], [[0.0, 0.0]])
