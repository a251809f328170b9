"""Ambiguity in someone else's environment: every number of a one-step game is known."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete

from trueaim.agents.foreign import policy
from trueaim.audit.ambiguity import share_needed
from trueaim.audit.foreign.agreement import correlation
from trueaim.audit.foreign.ambiguity import ForeignAmbiguity, foreign_ambiguity, recorded_ambiguity
from trueaim.audit.foreign.rollout import level_seed
from trueaim.audit.foreign.scenario import TRAIN, GymScenario, Recorded
from trueaim.audit.intervals import NOTHING
from trueaim.core.errors import TrueAimError
from trueaim.core.goal import Goal
from trueaim.core.tables import encode_columns, write_parquet

NUM, SEED = 60, 3
NOTHING_DONE, COIN_DONE, RIGHT_DONE, ALL_DONE = range(4)
PAYS = {
    False: {COIN_DONE: (1.0, 1.0), RIGHT_DONE: (1.0, 1.0), ALL_DONE: (1.0, 1.0)},
    True: {COIN_DONE: (1.0, 0.0), RIGHT_DONE: (0.25, 1.0), ALL_DONE: (1.0, 1.0)},
}
"""What an action pays of coin and right, by whether the level tells them apart."""


class Choice(gymnasium.Env):
    """One step. Some levels, as their seed says, tell the goals apart; the agent sees whether this one does."""

    observation_space = Box(0, 1, (1,), np.float32)
    action_space = Discrete(4)

    def __init__(self, apart: float, fails: bool = False) -> None:
        self.apart, self.fails = apart, fails

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        del options
        self.tells = bool(self.np_random.random() < self.apart)
        return np.float32([self.tells]), {}

    def step(self, action):
        if self.fails and self.tells:
            raise RuntimeError("broken")
        pays = PAYS[self.tells].get(int(action), (0.0, 0.0))
        return np.float32([self.tells]), pays[0], True, False, {"pays": pays}


def tells(apart: float, num: int = NUM, seed: int = SEED) -> np.ndarray:
    """Which levels of an audit tell the goals apart, by the same draws."""
    first = level_seed(seed)
    return np.array([np.random.default_rng(first + number).random() < apart for number in range(num)])


COIN = Goal("coin", lambda t: t.info["pays"][0], role="intended")
RIGHT = Goal("right", lambda t: t.info["pays"][1])
GOES_FOR_COIN, GOES_RIGHT, DOES_BOTH, IDLE = (
    policy(lambda seen, action=action: np.full(len(seen), action), name=name, batched=True)
    for action, name in ((COIN_DONE, "for coin"), (RIGHT_DONE, "for right"), (ALL_DONE, "both"), (NOTHING_DONE, "idle"))
)
BOTH: dict[str, Any] = {"coin": GOES_FOR_COIN, "right": GOES_RIGHT}


def game(apart: float = 0.3, references: Any = BOTH, **options: Any) -> GymScenario:
    goals = options.pop("goals", (COIN, RIGHT))
    train = options.pop("train", lambda: Choice(apart))
    return GymScenario(train, {"far": lambda: Choice(0.9)}, goals, "choice", references, **options)


def found(scenario: GymScenario, *more: Any, **options: Any) -> ForeignAmbiguity:
    return foreign_ambiguity(scenario, *more, **{"levels": NUM, "seed": SEED, **options})


def test_golden_numbers_with_a_policy_for_each_goal():
    measured = found(game()).measured
    apart = tells(0.3)
    assert 5 < apart.sum() < 30
    right, coin = measured.pair("right", "coin"), measured.pair("coin", "right")
    assert right.necessarily.value == pytest.approx(apart.mean())
    assert right.non.value == pytest.approx(1 - apart.mean())
    assert (right.possibly.value, right.unsolvable) == (0, 0)
    assert right.least.value == right.most.value == pytest.approx(0.75 * apart.mean())
    assert right.least.low < right.least.value < right.least.high
    assert coin.least.value == pytest.approx(apart.mean())
    assert measured.groups == ()
    assert not measured.is_exact
    assert (measured.levels, measured.goals, measured.seed) == (NUM, ("coin", "right"), SEED)


def test_the_share_of_shift_levels_solves_the_equation_and_holds_on_new_levels():
    (breaking,) = found(game(0.02), matters=0.2).measured.breaking
    train, far = 0.75 * tells(0.02).mean(), 0.75 * tells(0.9).mean()
    assert (breaking.rival, breaking.setting) == ("right", "far")
    assert breaking.in_training.value == pytest.approx(train)
    assert breaking.on_shift.value == pytest.approx(far)
    assert breaking.share.value == pytest.approx(float(share_needed(0.2, (train, 1.0), (far, 1.0))))
    new_train, new_far = (0.75 * tells(apart, seed=SEED + 1).mean() for apart in (0.02, 0.9))
    share = breaking.share.value
    assert breaking.check.value == pytest.approx((1 - share) * new_train + share * new_far)


def test_goals_that_no_level_tells_apart():
    measured = found(game(0.0)).measured
    assert measured.groups == (("coin", "right"),)
    assert all(pair.most.value == 0 for pair in measured.pairs)
    assert measured.breaking[0].in_training.value == 0


def test_another_policy_as_good_for_the_pursued_goal_widens_the_bounds():
    alone, known = (found(game(), *more).measured.pair("right", "coin") for more in ((), (DOES_BOTH,)))
    assert known.least.value == 0 < alone.least.value
    assert known.most.value == alone.most.value
    assert known.possibly.value == pytest.approx(tells(0.3).mean())
    worse = found(game(), IDLE).measured.pair("right", "coin")
    assert worse == alone  # who does not get the pursued goal says nothing about pursuing it


def test_a_mixture_with_the_shift():
    measured = found(game(0.0), alpha=0.25).measured
    apart = np.concatenate([tells(0.0)[:45], tells(0.9)[45:]])
    assert (measured.alpha, measured.toward) == (0.25, "far")
    assert measured.pair("right", "coin").necessarily.value == pytest.approx(apart.mean())
    assert measured.breaking[0].in_training.value == 0


def test_a_goal_without_a_policy_is_lacking():
    measured = found(game(references={"right": GOES_RIGHT})).measured
    assert (measured.pairs, measured.breaking, measured.groups) == ((), (), ())
    assert "No policy pursues coin: what that costs other goals, and they it, is not known." in measured.missing


def test_a_number_says_what_is_lost_but_not_where():
    measured = found(game(references={"coin": 1.0, "right": GOES_RIGHT})).measured
    (pair,) = measured.pairs
    assert (pair.pursued, pair.judged) == ("right", "coin")
    assert pair.non == pair.possibly == pair.necessarily == NOTHING
    assert pair.least.value == pytest.approx(0.75 * tells(0.3).mean())
    assert measured.groups == ()
    assert any(one.startswith("The reference for coin is a number, no policy") for one in measured.missing)
    assert not any("beaten" in one for one in measured.missing)
    low = found(game(references={"coin": 0.1, "right": GOES_RIGHT})).measured
    assert any(one.startswith("The reference for coin is beaten by reference for right") for one in low.missing)
    only_far = found(game(references={"coin": {"far": 1.0}, "right": GOES_RIGHT})).measured
    assert (only_far.pairs, only_far.breaking) == ((), ())


def test_references_that_do_not_pursue_their_goal_are_named():
    said = " ".join(found(game(references={"coin": IDLE, "right": GOES_RIGHT})).measured.missing)
    assert "Nothing was gained of coin: what others cost it is not known." in said
    fooled = found(game(0.9, references={"coin": GOES_RIGHT, "right": DOES_BOTH})).measured
    assert any("The reference for coin is beaten by reference for right in training (" in one for one in fooled.missing)
    assert not any("is beaten" in one for one in found(game(), DOES_BOTH).measured.missing if "coin" in one[:30])


def test_luck_is_measured_and_said():
    steady = found(game())
    assert [one.share.value for one in steady.luck] == [0, 0]
    assert not any("played them again" in one for one in steady.measured.missing)
    torch = pytest.importorskip("torch")
    drawing = torch.nn.Linear(1, 4)
    with torch.no_grad():
        drawing.weight.zero_()
        drawing.bias.copy_(torch.tensor([0.0, 0.0, -50.0, -50.0]))
    lucky = found(game(references={"coin": policy(drawing, greedy=False), "right": GOES_RIGHT}))
    assert lucky.luck[0].goal == "coin"
    assert 0.3 < lucky.luck[0].share.value < 0.7
    assert lucky.luck[1].share.value == 0
    assert any("The reference for coin got another return on" in one for one in lucky.measured.missing)


def test_without_references_the_returns_of_random_actions_are_compared():
    alone = found(game(references=None))
    assert alone.measured.pairs == alone.luck == ()
    assert sum(one.startswith("No policy pursues") for one in alone.measured.missing) == 2
    train, far = alone.agreement
    assert (train.setting, far.setting, train.player) == (TRAIN, "far", "random actions")
    assert (train.one, train.other, train.episodes) == ("coin", "right", NUM)
    assert train.correlation.value > 0.6 > far.correlation.value
    assert train.both.value > far.both.value  # right alone pays both a little, so only coin alone counts as apart
    assert train.only_other == far.only_other == 0 < train.only_one < far.only_one
    other = found(game(references=None), GOES_FOR_COIN).agreement
    assert {one.player for one in other} == {"for coin", "random actions"}


def test_levels_that_someone_could_not_play_are_left_out_for_all():
    measured = found(game(0.2, train=lambda: Choice(0.2, fails=True))).measured
    assert measured.pair("right", "coin").non.entries == NUM - tells(0.2).sum()
    assert f"setting 'train': {tells(0.2).sum()} of {NUM} levels are left out, for everyone alike." in measured.missing
    with pytest.raises(TrueAimError, match=r"no episode came to its end|needs at least 2"):
        found(game(train=lambda: Choice(1.0, fails=True)))


def test_goals_that_charge_are_worth_what_is_above_random_actions():
    fee = Goal("coin", lambda t: t.info["pays"][0] - 2.0, role="intended", charges=True)
    pair = found(game(0.9, goals=(fee, RIGHT))).measured.pair("right", "coin")
    random = found(game(0.9, goals=(fee, RIGHT), references=None))
    assert random.measured.pairs == ()
    assert pair.unsolvable == 0
    assert pair.least.value > 0.75 * tells(0.9).mean()  # of what is above random actions, not above 0


def test_the_same_call_gives_the_same_numbers():
    assert found(game()) == found(game())


def test_numbers_out_of_range():
    for options, text in (
        ({"levels": 1}, "levels: got 1, needs at least 2; ask for more"),
        ({"alpha": 2}, "alpha: got 2, needs a share from 0 to 1; change it"),
        ({"matters": 0}, "matters: got 0, needs a share strictly between 0 and 1; try 0.1"),
        ({"toward": "away"}, "setting: got 'away', needs one of: far, train"),
    ):
        with pytest.raises(TrueAimError) as caught:
            found(game(), **options)
        assert str(caught.value).startswith(text)


def test_correlation_of_returns():
    draw = np.random.default_rng(0)
    first = draw.normal(size=200)
    returns = np.stack([first, 0.5 * first + draw.normal(size=200)], -1)
    told = correlation(returns)
    assert told.value == pytest.approx(np.corrcoef(returns.T)[0, 1])
    assert told.low < told.value < told.high
    z, width = np.arctanh(told.value), 1.96 / np.sqrt(197)  # Fisher's interval, for normal numbers
    assert (told.low, told.high) == pytest.approx(np.tanh([z - width, z + width]), abs=0.03)
    assert correlation(1e6 + returns).value == pytest.approx(told.value)
    assert correlation(np.stack([first, np.ones(200)], -1)) == NOTHING
    assert correlation(np.zeros((0, 2))) == NOTHING


def test_a_record_says_how_far_goals_went_together(tmp_path):
    coin, right = np.array([1.0, 1.0, 0.0, 0.0, 1.0, 0.0]), np.array([1.0, 1.0, 0.0, 1.0, 0.0, 1.0])
    columns = {
        "episode": np.arange(6),
        "agent": np.zeros(6, int),
        "setting": np.array(["train"] * 4 + ["far"] * 2),
        "step": np.zeros(6, int),
        "reward": coin,
        "terminated": np.ones(6, bool),
        "truncated": np.zeros(6, bool),
        "goal_coin": coin,
        "goal_right": right,
    }
    path = tmp_path / "steps.parquet"
    write_parquet(path, encode_columns(columns, "steps.parquet"))
    told = recorded_ambiguity(path, Recorded(["far"], ["coin", "right"]))
    train, far = told.agreement
    assert (train.episodes, train.both.value, train.both.entries) == (4, pytest.approx(2 / 3), 3)
    assert (train.only_one, train.only_other) == (0, 1)
    assert train.correlation.value == pytest.approx(1 / np.sqrt(3))
    assert (far.both.value, far.only_one, far.only_other) == (0, 1, 1)
    assert told.measured.pairs == ()
    assert told.measured.levels == 4
    assert told.measured.missing[0].startswith("A record cannot be played again")
