from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from trueaim.audit.power import (
    Components,
    Design,
    Plan,
    agents_needed,
    components,
    failure_bound,
    levels_for_bound,
    levels_needed,
    power,
    simulated_power,
    standard_error,
)
from trueaim.audit.sequential import levels_without_failure
from trueaim.core.errors import TrueAimError

PARTS = Components(agent=0.04, level=0.09, rest=0.25)


def test_components_by_hand() -> None:
    """Rows of means 0.5 and 2.5, columns too, cells off by 0.5: MS_rest 1, and 2 - 1/2 for the others."""
    found = components(np.array([[0.0, 1.0], [1.0, 4.0]]))
    assert found == Components(agent=1.5, level=1.5, rest=1.0, mean=1.5, agents=2, levels=2)


def test_components_are_found_again() -> None:
    chance = np.random.default_rng(0)
    table = chance.normal(0, 0.2, (300, 1)) + chance.normal(0, 0.3, (1, 400)) + chance.normal(0.7, 0.5, (300, 400))
    assert components(table)[:4] == pytest.approx((0.04, 0.09, 0.25, 0.7), rel=0.2)
    assert components(chance.normal(0, 1, (4, 50))).agent < 0.1


def test_what_is_incomplete_is_left_out() -> None:
    chance = np.random.default_rng(1)
    table = chance.random((4, 10))
    more = np.vstack([table, np.full(10, np.nan)])
    assert components(more) == components(table)
    with_gap = table.copy()
    with_gap[2, 3] = np.nan
    assert components(with_gap) == pytest.approx(components(np.delete(table, 3, axis=1)))


def test_standard_errors_by_hand() -> None:
    """.04 / 4 + .25 / 100 = .0125 without levels, and .09 / 25 = .0036 more with them."""
    assert standard_error(PARTS, 4, 25) == pytest.approx(0.025**0.5)
    assert standard_error(PARTS, 4, 25, "alone") == pytest.approx(0.0161**0.5)
    assert standard_error(PARTS, 4, 25, "separate") == pytest.approx(0.0322**0.5)


def test_power_of_a_t_test_as_in_the_books() -> None:
    """Half a standard deviation, 64 in each of two groups: 80%; one group of 34: 81% (Cohen 1988)."""
    one = Components(1.0, 0.0, 0.0)
    assert power(0.5, one, 64, 1) == pytest.approx(0.801, abs=1e-3)
    assert power(0.5, one, 34, 1, "alone") == pytest.approx(0.808, abs=1e-3)
    assert agents_needed(0.5, one, 1) == Plan(64, 1, pytest.approx(0.8015, abs=1e-3))
    assert power(0.0, one, 9, 1, alpha=0.01) == pytest.approx(0.01)
    assert power(-0.5, one, 64, 1) == pytest.approx(power(0.5, one, 64, 1))


@pytest.mark.parametrize("design", ["paired", "separate", "alone"])
@pytest.mark.parametrize(("agents", "levels"), [(5, 50), (10, 20), (3, 100)])
def test_power_is_what_simulated_audits_have(agents: int, levels: int, design: Design) -> None:
    """To within .03 (what the formula leaves out) and three standard errors of 600 audits."""
    found = simulated_power(0.3, PARTS, agents, levels, design, replicates=600)
    error = 3 * (found.value * (1 - found.value) / 600) ** 0.5
    assert power(0.3, PARTS, agents, levels, design) == pytest.approx(found.value, abs=error + 0.03)


@pytest.mark.parametrize("design", ["paired", "separate", "alone"])
def test_simulated_audits_see_nothing_where_nothing_is(design: Design) -> None:
    assert simulated_power(0.0, PARTS, 4, 12, design, replicates=600).value <= 0.05 + 0.027


def test_the_smallest_audit_that_is_enough() -> None:
    plan = agents_needed(0.25, PARTS, 200)
    assert plan is not None
    assert plan.power == power(0.25, PARTS, plan.agents, 200) >= 0.8
    assert power(0.25, PARTS, plan.agents - 1, 200) < 0.8
    levels = levels_needed(0.25, PARTS, 12)
    assert levels is not None
    assert levels.power >= 0.8 > power(0.25, PARTS, 12, levels.levels - 1)


def test_levels_do_not_stand_in_for_agents() -> None:
    assert levels_needed(0.25, PARTS, 5) is None
    assert power(0.25, PARTS, 5, 10**9) == pytest.approx(power(0.25, PARTS._replace(rest=0), 5, 1), abs=1e-4)
    assert agents_needed(0.05, PARTS, 10, design="alone") is None  # nor agents for levels
    assert levels_needed(0.25, PARTS, 1) is None
    assert np.isnan(power(0.25, PARTS, 1, 100))


def test_where_nothing_varies_anything_is_seen() -> None:
    same = Components(0.0, 0.0, 0.0)
    assert power(0.01, same, 2, 1) == 1.0
    assert power(0.0, same, 2, 1) == 0.05
    assert agents_needed(0.01, same, 1) == Plan(2, 1, 1.0)
    assert power(1.0, Components(1e-8, 0, 0), 5, 1) == 1.0


@pytest.mark.parametrize(("bound", "failures", "levels"), [(0.05, 0, 59), (0.05, 1, 93), (0.1, 2, 61), (0.01, 0, 299)])
def test_levels_for_a_bound(bound: float, failures: int, levels: int) -> None:
    assert levels_for_bound(bound, failures=failures) == levels
    assert stats.binom.cdf(failures, levels, bound) <= 0.05 < stats.binom.cdf(failures, levels - 1, bound)
    assert failure_bound(levels, failures) <= bound < failure_bound(levels - 1, failures)


def test_bounds_on_failure() -> None:
    assert failure_bound(59) == pytest.approx(1 - 0.05 ** (1 / 59))
    assert failure_bound(levels_without_failure(0.02, 0.99), confidence=0.99) <= 0.02
    theirs = stats.binomtest(3, 40).proportion_ci(0.9, "exact").high
    assert failure_bound(40, 3) == pytest.approx(theirs)
    assert failure_bound(5, 5) == 1.0
    assert np.isnan(failure_bound(0))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: components(np.ones((1, 9))), "table: got 1 complete agents on 9 complete levels, needs two of each;"),
        (lambda: components(np.ones(9)), "table: got shape (9,), needs [agent, level]; average episodes first."),
        (lambda: standard_error(Components(-1, 0, 0), 2, 2), "parts: got a variance of -1, needs 0 or more; estimate"),
        (lambda: power(0.1, PARTS, 0, 5), "agents: got 0 on 5 levels, needs at least 1 of each; plan for more."),
        (lambda: simulated_power(0.1, PARTS, 1, 5), "agents: got 1 on 5 levels, needs at least 2 of each; simulate"),
        (lambda: agents_needed(0.0, PARTS, 5), "difference: got 0, needs a size to look for; name the smallest one"),
        (lambda: levels_needed(0.1, PARTS, 5, 1.0), "wanted: got a power of 1.0, needs a number strictly between 0"),
        (lambda: failure_bound(3, 4), "failures: got 4 on 3 levels, needs 0 to 3; count them again."),
        (lambda: levels_for_bound(1e-7, failures=1), "bound: got 1e-07, needs one that 1000000 levels can show; raise"),
    ],
)
def test_errors(call: Callable[[], object], text: str) -> None:
    with pytest.raises(TrueAimError) as caught:
        call()
    assert str(caught.value).startswith(text)
