"""Trajectories that others recorded: golden numbers, and damage named by its row."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from trueaim.audit.foreign.recorded import from_minari
from trueaim.audit.foreign.trajectories import from_parquet
from trueaim.core.errors import DamagedError, TrueAimError
from trueaim.core.goal import Goal
from trueaim.core.tables import encode_columns, write_parquet

STEPS = {
    "episode": np.array([0, 0, 0, 1, 0, 0]),
    "agent": np.array([0, 0, 0, 0, 0, 0]),
    "setting": np.array(["train"] * 4 + ["moved"] * 2),
    "step": np.array([0, 1, 2, 0, 0, 1]),
    "action": np.array([1, 1, 0, 0, 1, 1]),
    "reward": np.array([0.0, 0.0, 1.0, 0.0, 0.0, 0.0]),
    "terminated": np.array([False, False, True, False, False, True]),
    "truncated": np.array([False, False, False, True, False, False]),
    "goal_coin": np.array([0.0, 0.0, 1.0, 0.0, 0.0, 0.0]),
    "x": np.array([1, 2, 3, 0, 5, 7]),
}
COIN = Goal("coin", lambda t: t.reward, role="intended")
FAR = Goal("far", lambda t: t.info["x"] >= 5)


def written(folder: Path, **changes) -> Path:
    path = folder / "steps.parquet"
    columns = {name: values for name, values in {**STEPS, **changes}.items() if values is not None}
    write_parquet(path, encode_columns(columns, "steps.parquet"))
    return path


def test_the_episodes_of_a_file(tmp_path: Path):
    episodes, notices = from_parquet(written(tmp_path), [COIN, FAR], discount=0.5)
    assert episodes.goals == ("coin", "far")
    assert episodes.setting.tolist() == ["moved", "train", "train"]
    assert episodes.length.tolist() == [2, 3, 1]
    assert episodes.terminated.tolist() == [True, True, False]
    np.testing.assert_allclose(episodes.returns, [[0.0, 1.5], [0.25, 0.0], [0.0, 0.0]])
    np.testing.assert_array_equal(episodes.first, [[-1, 1], [3, -1], [-1, -1]])
    assert episodes.level.tolist() == [0, 0, 1]
    assert np.isnan(episodes.optimal).all()
    assert notices == []


def test_goals_by_name_are_columns(tmp_path: Path):
    by_column, _ = from_parquet(written(tmp_path), ["coin", FAR])
    by_function, _ = from_parquet(written(tmp_path), [COIN, FAR])
    np.testing.assert_array_equal(by_column.returns, by_function.returns)


def test_rows_in_any_order_and_several_agents(tmp_path: Path):
    order = np.array([3, 5, 0, 4, 2, 1])
    plain, _ = from_parquet(written(tmp_path), [COIN, FAR])
    twice = {name: np.concatenate([values[order], values]) for name, values in STEPS.items()}
    twice["agent"] = np.repeat([7, 3], 6)
    episodes, _ = from_parquet(written(tmp_path, **twice), [COIN, FAR])
    assert episodes.agent.tolist() == [3] * 3 + [7] * 3
    np.testing.assert_array_equal(episodes.returns, np.concatenate([plain.returns] * 2))
    np.testing.assert_array_equal(episodes.level_hash[:3], episodes.level_hash[3:])


def test_levels_may_be_named(tmp_path: Path):
    names = np.array(["b", "b", "b", "a", "b", "b"])
    episodes, _ = from_parquet(written(tmp_path, level=names), [COIN, FAR])
    assert episodes.level.tolist() == [0, 1, 0]


def test_a_goal_that_pays_once(tmp_path: Path):
    once = Goal("far", FAR.score, once=True)
    episodes, _ = from_parquet(written(tmp_path), [COIN, once])
    assert episodes.returns[:, 1].tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"agent": None}, "has no column 'agent', needs episode, agent"),
        ({"goal_coin": None}, "has no column 'goal_coin'"),
        ({"step": STEPS["step"] + 0.5}, "column 'step' is float64, needs whole numbers"),
        ({"setting": STEPS["step"]}, "column 'setting' is int64, needs text"),
        ({"terminated": STEPS["reward"]}, "column 'terminated' is float64, needs true or false"),
        ({"step": np.array([0, 1, 3, 0, 0, 1])}, r"row 2 \(step 3 of episode 0, agent 0, train\) does not follow"),
        ({"step": np.array([0, 1, 1, 0, 0, 1])}, "row 2 .* does not follow the step before it"),
        ({"terminated": np.zeros(6, bool)}, r"row 5 .* is the last of an episode that has no end"),
        ({"truncated": np.array([0, 1, 0, 1, 0, 0], bool)}, "row 1 .* ends an episode that goes on"),
        ({name: values[:0] for name, values in STEPS.items()}, "has no rows, needs one for each step"),
    ],
)
def test_damage_is_named_by_its_row(tmp_path: Path, changes, words):
    with pytest.raises(DamagedError, match=f"^steps.parquet: {words}"):
        from_parquet(written(tmp_path, **changes), ["coin", FAR])


def test_a_cut_file_is_damaged(tmp_path: Path):
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DamagedError, match=r"steps\.parquet"):
        from_parquet(path, [COIN, FAR])


def test_goals_without_numbers_are_counted_or_refused(tmp_path: Path):
    scores = np.array([0.0, np.nan, 1.0, 0.0, 0.0, 0.0])
    episodes, notices = from_parquet(written(tmp_path, goal_coin=scores), ["coin", FAR])
    np.testing.assert_array_equal(np.isnan(episodes.returns[:, 0]), [False, True, False])
    assert episodes.first[1, 0] == -1
    assert notices[0] == "steps.parquet: goal 'coin' has no number in row 1; its return is unknown in 1 of 3 episodes."
    with pytest.raises(TrueAimError, match="goal 'coin' has no number in row 4 and in no episode throughout"):
        from_parquet(written(tmp_path, goal_coin=np.full(6, np.nan)), ["coin", FAR])
    missing = Goal("far", lambda t: t.info["y"])
    with pytest.raises(TrueAimError, match=r"goal 'far' gave KeyError \('y'\) in row 4"):
        from_parquet(written(tmp_path), [COIN, missing])


def test_what_is_not_there_is_said(tmp_path: Path):
    silent = Goal("silent", lambda t: 0.0)
    everywhere = np.array(["train"] * 4 + ["train"] * 2)
    path = written(tmp_path, setting=everywhere, episode=np.array([0, 0, 0, 1, 2, 2]))
    _, notices = from_parquet(path, [COIN, silent])
    assert notices == [
        "No episode of a shift: the goals may not part anywhere.",
        "goal 'silent': never paid in any of 3 episodes; check its score.",
    ]
    _, notices = from_parquet(
        written(tmp_path, setting=np.full(6, "moved"), episode=np.array([0, 0, 0, 1, 2, 2])), [COIN, FAR]
    )
    assert notices == ["No episode of the setting 'train': nothing tells how the policy acts where it was trained."]


def dataset(*rewards, ended: bool = True, infos: bool = True) -> SimpleNamespace:
    """As Minari hands out its episodes: one more observation and info than there are steps."""

    def episode(given):
        num = len(given)
        ends = np.arange(num) == (num - 1 if ended else num)
        return SimpleNamespace(
            observations={"x": np.arange(num + 1), "y": np.zeros((num + 1, 2))},
            actions=np.ones(num, int),
            rewards=np.array(given),
            terminations=ends,
            truncations=np.zeros(num, bool),
            infos={"x": np.arange(num + 1) * 10} if infos else None,
        )

    return SimpleNamespace(iterate_episodes=lambda: iter([episode(given) for given in rewards]))


SECOND = Goal("second", lambda t: t.next_observation["x"] == 2 and t.info["x"] == 20 and t.observation["x"] == 1)


def test_minari_datasets_by_setting():
    recorded = {"train": dataset([0.0, 0.0, 1.0], [1.0]), "moved": dataset([0.0, 0.0])}
    episodes, notices = from_minari(recorded, [COIN, SECOND], discount=0.5)
    assert episodes.setting.tolist() == ["train", "train", "moved"]
    np.testing.assert_allclose(episodes.returns, [[0.25, 0.5], [1.0, 0.0], [0.0, 0.5]])
    np.testing.assert_array_equal(episodes.first, [[3, 2], [1, -1], [-1, 2]])
    assert episodes.terminated.all()
    assert notices == []


@pytest.mark.parametrize(
    ("recorded", "words"),
    [
        ({"train": dataset()}, "setting 'train': its dataset has no episodes"),
        ({"train": dataset([1.0], ended=False)}, "setting 'train': episode 0 has no end"),
        ({"train": dataset([1.0], [])}, "setting 'train': episode 1 has no steps"),
        ({"train": 3}, "setting 'train': got int, needs a Minari dataset"),
        ({"train": dataset([1.0, 0.0], infos=False)}, r"goal 'second': gave KeyError \('x'\) at step 2 of episode 0"),
    ],
)
def test_minari_datasets_that_cannot_be_read_are_named(recorded, words):
    with pytest.raises(TrueAimError, match=words):
        from_minari(recorded, [COIN, SECOND])
