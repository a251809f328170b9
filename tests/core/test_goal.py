from typing import Any

import pytest

from trueaim.core.errors import TrueAimError
from trueaim.core.goal import INTENDED, PROXY, RIVAL, Goal, check_goals


def goal(name: str, role: Any = RIVAL) -> Goal:
    return Goal(name, lambda transition: 0.0, role=role)


def test_a_goal_is_a_rival_unless_it_says_otherwise() -> None:
    made = Goal("coin", lambda transition: transition)
    assert made.role is RIVAL
    assert not made.once
    assert Goal("coin", abs, role="proxy").role is PROXY
    assert made.score(3) == 3


def test_an_unknown_role_is_refused() -> None:
    with pytest.raises(TrueAimError) as caught:
        goal("coin", "intendet")
    assert str(caught.value) == (
        "goal role: got 'intendet', needs one of: intended, proxy, rival; did you mean 'intended'?"
    )


def test_good_goals_pass() -> None:
    check_goals((goal("coin", INTENDED), goal("right", PROXY), goal("red-key_2.5")))


@pytest.mark.parametrize(
    ("goals", "message"),
    [
        ((), "goals: got [], needs at least two; add the rival that training cannot tell apart"),
        (
            (goal("coin", INTENDED),),
            "goals: got ['coin'], needs at least two; add the rival that training cannot tell apart",
        ),
        (
            (goal("coin", INTENDED), goal("coin")),
            "goals: got ['coin', 'coin'], needs different names; rename one of them",
        ),
        (
            (goal("coin"), goal("right", PROXY)),
            "goals: got none as intended, needs exactly one, listed first; mark it role='intended'",
        ),
        (
            (goal("right", PROXY), goal("coin", INTENDED)),
            "goals: got ['coin'] as intended, needs exactly one, listed first; mark it role='intended'",
        ),
        (
            (goal("coin", INTENDED), goal("right", INTENDED)),
            "goals: got ['coin', 'right'] as intended, needs exactly one, listed first; mark it role='intended'",
        ),
        (
            (goal("coin", INTENDED), goal("to the right")),
            "goal name: got 'to the right', needs 1 to 80 of the characters A-Z a-z 0-9 . _ - "
            "and no . or - at the start; choose such a name.",
        ),
    ],
)
def test_goals_that_cannot_be_are_refused(goals: tuple[Goal, ...], message: str) -> None:
    with pytest.raises(TrueAimError) as caught:
        check_goals(goals)
    assert str(caught.value) == message
