from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from trueaim import scenarios
from trueaim.agents.planted import pursuing
from trueaim.audit.ambiguity import Ambiguity, Pair, ambiguity, groups, share_needed
from trueaim.audit.costs import compare
from trueaim.audit.intervals import NOTHING, wilson
from trueaim.core.errors import TrueAimError
from trueaim.core.keys import root
from trueaim.core.levels import LevelClass, audit_levels
from trueaim.core.scenario import Scenario
from trueaim.training.rollout import play

NUM = 256


@cache
def corner() -> Scenario:
    return scenarios.scenario("cheese_corner", size=7)


@cache
def found(alpha: float = 0.0) -> Ambiguity:
    return ambiguity(corner(), levels=NUM, alpha=alpha, seed=1)


def pair(pursued: str, judged: str, non: int, num: int = 8) -> Pair:
    return Pair(pursued, judged, wilson(non, num), wilson(0, num), wilson(num - non, num), 0, NOTHING, NOTHING)


def pairs_of(*same: str) -> list[Pair]:
    """Goals a to d, of which these pairs cannot be told apart in this direction."""
    return [pair(p, j, 8 if p + j in same else 7) for p in "abcd" for j in "abcd" if p != j]


def test_groups_need_both_directions() -> None:
    goals = tuple("abcd")
    assert groups(goals, pairs_of()) == []
    assert groups(goals, pairs_of("ab")) == []
    assert groups(goals, pairs_of("ab", "ba", "cd")) == [("a", "b")]
    assert groups(goals, pairs_of("ad", "da", "cb", "bc")) == [("a", "d"), ("b", "c")]
    assert groups(goals, pairs_of("ad", "da", "db", "bd")) == [("a", "b", "d")]  # a and b by way of d
    assert groups(goals, []) == []


def test_the_share_needed_by_hand() -> None:
    """Training loses nothing of 1 per level, the shift .8 of .8: alpha .8 = .1 ((1 - alpha) + .8 alpha) at .1 / .82."""
    one = share_needed(0.1, (np.array(0.0), np.array(1.0)), (np.array(0.8), np.array(0.8)))
    assert one == pytest.approx(0.1 / 0.82)
    many = share_needed(
        0.1, (np.array([0.2, 0.1, 0.0, 0.0]), np.ones(4)), (np.array([0.5, 0.5, 0.05, 0.1]), np.ones(4))
    )
    assert many.tolist() == [0, 0, np.inf, np.inf]


def test_a_mixture_of_the_share_needed_loses_what_matters() -> None:
    chance = np.random.default_rng(0)
    for _ in range(50):
        matters, train, shift = chance.uniform(0.05, 0.5), chance.random(2), chance.random(2)
        share = float(share_needed(matters, (train[0], train[1]), (shift[0], shift[1])))
        lost, worth = (1 - min(share, 1)) * train + min(share, 1) * shift
        if 0 < share < 1:
            assert lost == pytest.approx(matters * worth)
        elif share == 0:
            assert train[0] >= matters * train[1]
        else:
            assert shift[0] <= matters * shift[1]


def test_training_with_the_cheese_in_the_corner_tells_nothing() -> None:
    assert found().groups == (("cheese", "corner"),)
    for one in found().pairs:
        assert (one.non.value, one.possibly.value, one.necessarily.value) == (1, 0, 0)
        assert one.non.entries + one.unsolvable == NUM
        assert 0.97 < one.non.low < one.non.high <= 1
        assert (one.least.value, one.most.value) == (0, 0)


def test_a_mixture_tells_some() -> None:
    some = found(0.5)
    assert some.groups == ()
    rival = some.pair("corner", "cheese")
    assert rival is not None
    assert rival.non.value + rival.possibly.value + rival.necessarily.value == pytest.approx(1)
    assert 0.15 < rival.necessarily.value < 0.5
    assert 0 < rival.least.low < rival.least.value < rival.least.high
    assert rival.least.value < rival.most.value
    assert some.breaking == found().breaking  # which starts from training as it is


def test_losses_are_those_of_who_plays_so() -> None:
    """An agent that pursues the corner loses between the least and the most, but for what it finds afterwards."""
    levels = audit_levels(corner(), corner().shifts["anywhere"], root(3), NUM)
    compared = compare(corner(), levels, root(0))
    returns = np.asarray(play(corner(), pursuing(corner(), "corner"), levels, root(0)).returns)[0, :, 0]
    least, most = compared.least[:, 1, 0], compared.most[:, 1, 0]
    assert (least <= most).all()
    solvable = compared.worth[:, 0] > 0
    assert (compared.worth[:, 0] - returns <= most + 1e-5)[solvable].all()
    certain = compared.classes[:, 1, 0] == LevelClass.NECESSARILY
    lost = (compared.worth[:, 0] - returns)[certain].mean()
    assert 0.8 * least[certain].mean() < lost < most[certain].mean() + 1e-5


def test_what_breaks_the_proxy_is_found_and_checked() -> None:
    (breaking,) = found().breaking
    assert (breaking.rival, breaking.setting) == ("corner", "anywhere")
    assert breaking.in_training.value == 0
    assert breaking.on_shift.value > 0.4
    assert 0 < breaking.share.low < breaking.share.value < breaking.share.high < 1
    assert breaking.share.value == pytest.approx(0.1 / breaking.on_shift.value, rel=0.25)
    assert breaking.check.low < 0.1 < breaking.check.high


def test_what_training_loses_already_needs_no_share() -> None:
    """Trained on the shift itself, with another setting to mix in: nothing more is needed."""
    case = replace(corner(), train=corner().shifts["anywhere"], shifts={"corner": corner().train})
    (breaking,) = ambiguity(case, levels=128, seed=1).breaking
    assert breaking.in_training.value > 0.4
    assert breaking.on_shift.value == 0
    assert breaking.share[:3] == (0, 0, 0)


def test_where_the_shift_loses_nothing_no_share_does() -> None:
    case = replace(corner(), shifts={"same": corner().train})
    (breaking,) = ambiguity(case, levels=128, seed=1).breaking
    assert np.isnan(breaking.share[:3]).all()
    assert breaking.check == NOTHING


@cache
def played() -> Ambiguity:
    """The same levels without the planner, as policies play that pursue either goal."""
    experts = {name: pursuing(corner(), name) for name in ("cheese", "corner")}
    return ambiguity(replace(corner(), planner=None, experts=experts), levels=NUM, seed=1)


def test_experts_stand_in_for_a_planner() -> None:
    assert found().is_exact
    assert not played().is_exact
    assert found().missing == ()
    assert played().missing == ("No exact planner: losses are those of experts as they play, who may be beaten.",)
    for exact, one in zip(found().pairs, played().pairs, strict=True):
        assert (one.pursued, one.judged, one.unsolvable) == (exact.pursued, exact.judged, exact.unsolvable)
        assert one.least == one.most
        assert one.least.value == pytest.approx(0, abs=1e-6)
    (exact_one,), (one_played,) = found().breaking, played().breaking
    assert exact_one.on_shift.value < one_played.on_shift.value < 1  # the expert is not the luckiest
    assert one_played.share.value < exact_one.share.value


def test_what_has_no_expert_is_named() -> None:
    case = replace(corner(), planner=None, experts={"corner": pursuing(corner(), "corner")})
    some = ambiguity(case, levels=32, seed=1)
    assert (some.pairs, some.groups, some.breaking) == ((), (), ())
    assert some.missing[1:] == (
        "Nobody is known who pursues cheese: what that costs other goals is not known.",
        "Nothing is to be gained of cheese as far as is known: what others cost it is not known.",
    )


@pytest.mark.slow
def test_colors_that_training_hides_are_one_group() -> None:
    some = ambiguity(scenarios.scenario("three_goals"), levels=256)
    assert some.groups == (("indicated", "either", "red", "green"),)
    assert len(some.pairs) == 20
    by_rival = {breaking.rival: breaking for breaking in some.breaking}
    assert by_rival["blue"].share.value == 0
    assert all(0.2 < by_rival[name].share.value < 0.6 for name in ("either", "red", "green"))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda case: ambiguity(case, levels=1), "levels: got 1, needs at least 2; ask for more"),
        (lambda case: ambiguity(case, alpha=1.5), "alpha: got 1.5, needs a share from 0 to 1; change it"),
        (lambda case: ambiguity(case, matters=0), "matters: got 0, needs a share strictly between 0 and 1; try 0.1"),
        (lambda case: ambiguity(case, toward="nowhere"), "setting: got 'nowhere', needs one of: anywhere, train"),
        (
            lambda case: ambiguity(replace(case, planner=None)),
            "cheese_corner: got neither planner nor experts, needs one of them to say what goals cost each other;",
        ),
    ],
)
def test_errors(call: Callable[[Scenario], object], text: str) -> None:
    with pytest.raises(TrueAimError) as caught:
        call(corner())
    assert str(caught.value).startswith(text)
