"""Recorded trajectories: an audit without the environment, from Minari datasets.

Nothing of that library is imported: a dataset is known by what it can do.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trueaim.agents.foreign.batches import mapped
from trueaim.audit.foreign.rows import Row, level_hash, table
from trueaim.audit.foreign.scenario import Transition
from trueaim.audit.foreign.scoring import add, unscored
from trueaim.audit.foreign.trajectories import silences
from trueaim.core.episodes import Episodes, joined
from trueaim.core.errors import DamagedError, TrueAimError
from trueaim.core.goal import Goal, check_goals


def from_minari(
    datasets: Mapping[str, Any], goals: Sequence[Goal], discount: float = 1.0, agent: int = 0
) -> tuple[Episodes, list[str]]:
    """The episodes of Minari datasets, one for each setting, and what a reader should know.

    A dataset is whatever has `iterate_episodes()` with Minari's episodes: observations one longer than actions,
    rewards, terminations and truncations; infos of either length.

    Args:
        datasets: by setting; "train" and the shifts.
        goals: the intended one first; each scores a `Transition`.
        discount: by which returns are measured, per step.
        agent: the seed of whoever acted.

    Raises:
        DamagedError: a dataset without episodes, or an episode that is empty or has no end.
        TrueAimError: a goal that gives no number in any episode.
    """
    check_goals(tuple(goals))
    parts, notices = [], []
    for setting, dataset in datasets.items():
        rows = [
            _row(episode, goals, discount, setting, agent, number)
            for number, episode in enumerate(_episodes(dataset, setting))
        ]
        played = table(rows, goals, setting)
        parts.append(played.episodes)
        notices += played.notices
    episodes = joined(parts)
    return episodes, [*notices, *silences(episodes)]


def _episodes(dataset: Any, setting: str) -> Iterator[Any]:
    if not hasattr(dataset, "iterate_episodes"):
        raise TrueAimError(
            f"setting {setting!r}: got {type(dataset).__name__}, needs a Minari dataset; use minari.load_dataset"
        )
    found = False
    for episode in dataset.iterate_episodes():
        found = True
        yield episode
    if not found:
        raise DamagedError(f"setting {setting!r}: its dataset has no episodes, needs at least one; record some")


def _row(episode: Any, goals: Sequence[Goal], discount: float, setting: str, agent: int, number: int) -> Row:
    num = len(episode.rewards)
    if not num or not (episode.terminations[-1] or episode.truncations[-1]):
        what = "has no end" if num else "has no steps"
        raise DamagedError(f"setting {setting!r}: episode {number} {what}, needs whole episodes; leave it out")
    score = unscored(len(goals))
    for step in range(num):
        add(score, goals, _transition(episode, step, num), discount)
    start = mapped(lambda array: array[0], episode.observations)
    return Row(agent, number, level_hash(f"{setting} {number}", start), score, bool(episode.terminations[-1]))


def _transition(episode: Any, step: int, num: int) -> Transition:
    def at(values: Any, row: int) -> Any:
        return mapped(lambda array: array[row], values)

    def told(infos: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: told(value) if isinstance(value, dict) else at(value, step + (0 if len(value) == num else 1))
            for name, value in infos.items()
        }

    return Transition(
        at(episode.observations, step),
        at(episode.actions, step),
        at(episode.observations, step + 1),
        float(episode.rewards[step]),
        told(getattr(episode, "infos", None) or {}),
        bool(episode.terminations[step]),
        bool(episode.truncations[step]),
    )
