"""Datasets that Minari itself has recorded and stored, against the same episodes played directly."""

import gymnasium
import numpy as np
import pytest
from foreign_walk import ARRIVED, RIGHT, Walk, length_of
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, Tuple

from trueaim.audit.foreign.recorded import from_minari
from trueaim.core.errors import DamagedError
from trueaim.core.goal import Goal

minari = pytest.importorskip("minari")
pytest.importorskip("pyarrow")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
SEEDS = tuple(range(8))
FORMS = [pytest.param("arrow", id="arrow")]
try:
    import h5py  # noqa: F401

    FORMS.append(pytest.param("hdf5", id="hdf5"))
except ImportError:
    pass


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "datasets"))


def recorded(env, name: str, act, seeds=SEEDS, data_format="arrow", whole=True):
    """A stored dataset, loaded again: one episode from each seed."""
    collector = minari.DataCollector(env, record_infos=True, data_format=data_format)
    for seed in seeds:
        seen, _ = collector.reset(seed=seed)
        for _ in range(100 if whole else 1):
            seen, _, terminated, truncated, _ = collector.step(act(seen))
            if terminated or truncated:
                break
    collector.create_dataset(f"{name}-v0", algorithm_name="x", author="x", author_email="x@x", code_permalink="x")
    return minari.load_dataset(f"{name}-v0")


class Registered(Walk):
    """Minari stores only environments that have a specification, and infos of one form."""

    spec = gymnasium.envs.registration.EnvSpec("Walk-v0", entry_point="foreign_walk:Walk")


@pytest.mark.parametrize("data_format", FORMS)
def test_stored_episodes_score_as_those_played_directly(data_format: str):
    datasets = {
        "train": recorded(Registered(overwrites=False), "walk/train", lambda seen: 1, data_format=data_format),
        "moved": recorded(Registered(start=1, overwrites=False), "walk/moved", lambda seen: 0, data_format=data_format),
    }
    episodes, notices = from_minari(datasets, (ARRIVED, RIGHT))
    lengths = np.array([length_of(seed) for seed in SEEDS])
    np.testing.assert_array_equal(episodes.length, [*lengths, *lengths])
    np.testing.assert_array_equal(episodes.returns[:, 0], 1.0)
    np.testing.assert_array_equal(episodes.returns[:, 1], [*lengths, *np.zeros(len(SEEDS))])
    assert episodes.terminated.all()
    assert episodes.setting.tolist() == ["train"] * len(SEEDS) + ["moved"] * len(SEEDS)
    assert notices == []


class Room(gymnasium.Env):
    """Dictionaries, tuples and nested infos; ends by time."""

    spec = gymnasium.envs.registration.EnvSpec("Room-v0", entry_point="foreign_walk:Walk", max_episode_steps=5)
    observation_space = Dict(place=Box(-9, 9, (2,), np.float32), parts=Tuple((Discrete(9), MultiBinary(3))))
    action_space = Box(-1, 1, (2,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place, self.time = self.np_random.uniform(-1, 1, 2).astype(np.float32), 0
        return self.shown(), self.told()

    def shown(self):
        return {"place": self.place, "parts": (self.time, np.array([self.time % 2, 0, 1], np.int8))}

    def told(self):
        return {"time": self.time, "inner": {"double": 2.0 * self.time, "deep": {"place": self.place.copy()}}}

    def step(self, action):
        self.place, self.time = np.clip(self.place + action, -9, 9), self.time + 1
        return self.shown(), float(self.time), False, self.time == 5, self.told()


ACTION = np.array([0.5, -0.25], np.float32)


@pytest.mark.parametrize("data_format", FORMS)
def test_every_part_of_a_transition_is_that_of_its_step(data_format: str):
    """Each goal counts the steps at which one part is what it should be."""
    dataset = recorded(Room(), "room/train", lambda seen: ACTION, data_format=data_format)
    goals = (
        Goal(
            "moved", lambda t: np.allclose(t.next_observation["place"], t.observation["place"] + t.action), "intended"
        ),
        Goal("parts", lambda t: t.next_observation["parts"][0] == t.observation["parts"][0] + 1 == t.reward),
        Goal("bits", lambda t: t.observation["parts"][1][0] == t.observation["parts"][0] % 2),
        Goal("told", lambda t: t.info["time"] == t.reward),
        Goal("nested", lambda t: t.info["inner"]["double"] == 2 * t.reward),
        Goal("deep", lambda t: np.allclose(t.info["inner"]["deep"]["place"], t.next_observation["place"])),
        Goal("late", lambda t: t.truncated == (t.reward == 5)),
    )
    episodes, notices = from_minari({"train": dataset}, goals)
    np.testing.assert_array_equal(episodes.length, 5)
    np.testing.assert_array_equal(episodes.returns, 5.0)
    assert not episodes.terminated.any()
    assert len(np.unique(episodes.level_hash)) == len(SEEDS)
    assert len(notices) == 1
    assert "No episode of a shift" in notices[0]


def test_an_episode_that_was_cut_is_truncated_by_minari_or_refused():
    """The collector marks the last step of what is left when the environment is reset as truncated."""
    dataset = recorded(Registered(overwrites=False), "walk/cut", lambda seen: 1, whole=False)
    try:
        episodes, _ = from_minari({"train": dataset}, (ARRIVED, RIGHT))
    except DamagedError as error:
        assert "has no end, needs whole episodes" in str(error)  # noqa: PT017
    else:
        np.testing.assert_array_equal(episodes.length, 1)


def test_a_filtered_dataset_is_a_dataset():
    dataset = recorded(Registered(overwrites=False), "walk/all", lambda seen: 1)
    long = dataset.filter_episodes(lambda episode: len(episode) > 2)
    episodes, _ = from_minari({"train": long}, (ARRIVED, RIGHT))
    assert sorted(episodes.length) == sorted(length for length in map(length_of, SEEDS) if length > 2)
