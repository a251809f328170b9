"""Rolling a policy out in someone else's environment: one pass scores every goal on the true transitions."""

import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from gymnasium import Space

from trueaim.agents.foreign.batches import stacked
from trueaim.agents.foreign.host import Agent, HostPolicy, ready
from trueaim.audit.foreign.lanes import Broken, Fault, Lanes, SingleLanes, Step, VectorLanes, opened
from trueaim.audit.foreign.rows import Played, Row, level_hash, table
from trueaim.audit.foreign.scenario import GymScenario, Transition
from trueaim.audit.foreign.scoring import add, unscored
from trueaim.audit.foreign.spaces import alike, check_actions, is_finite, is_shaped, legal
from trueaim.core.disk import shown
from trueaim.core.episodes import Episodes
from trueaim.core.errors import TrueAimError


class _Place(NamedTuple):
    """Where a round is played, for sentences and limits."""

    policy: str
    scenario: GymScenario
    setting: str
    space: Space[Any]


def rollout(
    policy: HostPolicy, scenario: GymScenario, setting: str, episodes: int, seed: int
) -> tuple[Episodes, list[str]]:
    """The episodes of all agents in one setting, and what a reader should know about them.

    Every agent plays the same levels: episode i begins with a reset from a seed that follows from `seed` and i alone.

    Args:
        policy: whose episodes.
        scenario: where, and which goals.
        setting: "train" or the name of a shift.
        episodes: of each agent, at least 1.
        seed: of levels and actions.

    Raises:
        TrueAimError: spaces that do not fit, an illegal action, a goal that never gives a number, or an environment in
            which no episode could be played to its end.
    """
    played = play(policy, scenario, setting, episodes, seed)
    return played.episodes, [*played.notices, *played.doubts]


def play(
    policy: HostPolicy, scenario: GymScenario, setting: str, episodes: int, seed: int, luck: str = "actions"
) -> Played:
    """As `rollout`, with doubts apart; `luck` names the stream of random draws that the policy gets."""
    if not isinstance(policy, HostPolicy):
        raise TrueAimError(
            f"policy: got {type(policy).__name__}, needs one that acts in a Gymnasium environment; make it with "
            "trueaim.policy"
        )
    if episodes < 1:
        raise TrueAimError(f"episodes: got {episodes}, needs at least 1; ask for more")
    lanes = opened(scenario.setting(setting), min(scenario.lanes, episodes), scenario.step_seconds, setting)
    try:
        check_actions(lanes.single_action_space)
        place = _Place(policy.name, scenario, setting, lanes.single_action_space)
        rows = _all_agents(policy, place, lanes, episodes, seed, luck)
    finally:
        lanes.close()
    return table(rows, scenario.goals, setting, lanes.doubts)


def level_seed(seed: int) -> int:
    """The seed with which the first level of an audit is reset; those of the others follow."""
    return zlib.crc32(f"levels {seed}".encode()) & 0x3FFFFFFF


def check_spaces(scenario: GymScenario) -> tuple[Space[Any], Space[Any]]:
    """The observation and action space of training, once those of all shifts are the same.

    Raises:
        TrueAimError: naming the setting whose spaces differ.
    """
    found: dict[str, tuple[Space[Any], Space[Any]]] = {}
    for name, make in scenario.settings.items():
        lanes = opened(make, 1, scenario.step_seconds, name)
        lanes.close()
        found[name] = lanes.single_observation_space, lanes.single_action_space
    train = found["train"]
    for name, spaces in found.items():
        for word, own, other in zip(("observation", "action"), spaces, train, strict=True):
            if not alike(own, other):
                raise TrueAimError(
                    f"setting {name!r}: got {word} space {shown(own)}, needs that of training, "
                    f"{shown(other)}; wrap both alike"
                )
    return train


def _all_agents(policy: HostPolicy, place: _Place, lanes: Lanes, episodes: int, seed: int, luck: str) -> list[Row]:
    rows: list[Row] = []
    fitted: HostPolicy | None = None
    for number, agent_seed in enumerate(policy.seeds):
        draw = np.random.default_rng([zlib.crc32(luck.encode()), seed, agent_seed])
        for begun in range(0, episodes, lanes.num):
            num = min(lanes.num, episodes - begun)
            starts = _begin(lanes, level_seed(seed) + begun, num)
            if fitted is None:
                fitted = _fitted(policy, starts, place)
            new = _round(fitted.agents[number], place, lanes, starts, (agent_seed, begun, num), seed, draw)
            rows += new[:num]
    return rows


def _begin(lanes: Lanes, seed: int, num: int) -> list[Step | Fault]:
    try:
        return lanes.begin(seed, num)
    except Broken as error:
        return [Fault(str(error))] * lanes.num


def _fitted(policy: HostPolicy, starts: Sequence[Step | Fault], place: _Place) -> HostPolicy:
    first = next((start for start in starts if isinstance(start, Step)), None)
    if first is None:
        fault = next(start for start in starts if isinstance(start, Fault))
        raise TrueAimError(
            f"setting {place.setting!r}: the environment {fault.reason}, needs to begin an episode; correct it"
        )
    return ready(policy, first.observation, place.space)


def _round(
    agent: Agent,
    place: _Place,
    lanes: Lanes,
    starts: list[Step | Fault],
    which: tuple[int, int, int],
    seed: int,
    draw: np.random.Generator,
) -> list[Row]:
    """One episode in each lane."""
    agent_seed, begun, num = which
    num_goals, first = len(place.scenario.goal_names), level_seed(seed) + begun
    begins = [start.observation if isinstance(start, Step) else None for start in starts]
    rows = [
        Row(agent_seed, begun + lane, level_hash(first + lane, begins[lane]), unscored(num_goals))
        for lane in range(len(starts))
    ]
    if isinstance(lanes, VectorLanes) and isinstance(starts[0], Fault):
        return [
            _again(agent, place, lanes, row, lane, seed, draw, starts[0].reason) for lane, row in enumerate(rows[:num])
        ]
    try:
        _play_out(agent, place, lanes, starts, rows, draw, num)
    except Broken as error:
        for lane, row in enumerate(rows[:num]):
            if row.fault == _UNDER_WAY:
                rows[lane] = _again(agent, place, lanes, row, lane, seed, draw, str(error))
    return rows


_UNDER_WAY = "under way"


def _again(
    agent: Agent,
    place: _Place,
    lanes: Lanes,
    row: Row,
    lane: int,
    seed: int,
    draw: np.random.Generator,
    reason: str,
) -> Row:
    """The same episode in an environment of its own, after a vector environment failed as a whole."""
    make = lanes.alone(lane)
    if make is None:
        row.fault = f"{reason}, at step {row.score.steps + 1} of it or of another in the same vector environment"
        return row
    limit = place.scenario.step_seconds
    single = opened(make, 1, limit, place.setting)
    assert isinstance(single, SingleLanes)
    try:
        starts = _begin(single, level_seed(seed) + row.level, 1)
        return _round(agent, place, single, starts, (row.agent, row.level, 1), seed, draw)[0]
    finally:
        single.close()


def _play_out(
    agent: Agent,
    place: _Place,
    lanes: Lanes,
    starts: list[Step | Fault],
    rows: list[Row],
    draw: np.random.Generator,
    num: int,
) -> None:
    """Steps all lanes until none is under way."""
    scenario = place.scenario
    seen = [start.observation if isinstance(start, Step) else None for start in starts]
    under_way = np.array([lane < num and _may_begin(rows[lane], start, lanes) for lane, start in enumerate(starts)])
    spare = next((one for one, going in zip(seen, under_way, strict=True) if going), None)
    seen = [one if going else spare for one, going in zip(seen, under_way, strict=True)]
    memory, begins = agent.memory(len(starts)), np.ones(len(starts), bool)
    for time in range(1, scenario.horizon + 1):
        if not under_way.any():
            return
        actions, memory = agent.act(stacked(seen), begins, memory, draw)
        actions = _checked(np.asarray(actions), under_way, place, rows, time)
        begins = np.zeros(len(starts), bool)
        for lane, step in enumerate(lanes.step(actions, under_way)):
            if step is None:
                continue
            under_way[lane] = _advance(rows[lane], step, seen[lane], actions[lane], place, lanes, time)
            if under_way[lane] and isinstance(step, Step):  # who has ended is asked with what was seen before the end
                seen[lane] = step.observation


def _may_begin(row: Row, start: Step | Fault, lanes: Lanes) -> bool:
    row.fault = start.reason if isinstance(start, Fault) else _bad(start.observation, lanes)
    if row.fault:
        return False
    row.fault = _UNDER_WAY
    return True


def _bad(observation: Any, lanes: Lanes) -> str:
    """What is wrong with an observation, or ""."""
    if not is_shaped(observation, lanes.single_observation_space):
        return f"gave an observation that does not have the shape of its space {shown(lanes.single_observation_space)}"
    return "" if is_finite(observation) else "gave an observation that is not finite"


def _advance(row: Row, step: Step | Fault, before: Any, action: Any, place: _Place, lanes: Lanes, time: int) -> bool:
    """Enters one step into an episode; whether it goes on."""
    problem = step.reason if isinstance(step, Fault) else _bad(step.observation, lanes)
    if isinstance(step, Fault) or problem:
        row.fault = f"{problem} (step {time})"
        return False
    over = time == place.scenario.horizon and not step.terminated
    transition = Transition(
        before,
        action,
        step.observation,
        float(step.reward),
        step.info,
        bool(step.terminated),
        bool(step.truncated) or over,
    )
    add(row.score, place.scenario.goals, transition, place.scenario.discount)
    if not (transition.terminated or transition.truncated):
        return True
    row.terminated, row.fault = transition.terminated, ""
    return False


def _checked(actions: np.ndarray, under_way: np.ndarray, place: _Place, rows: list[Row], time: int) -> np.ndarray:
    """The actions as the space types them; raises where one of a lane under way is illegal."""
    if actions.shape[:1] != under_way.shape:
        raise TrueAimError(
            f"policy {place.policy!r}: gave {actions.shape[0] if actions.ndim else 'one'} actions for {len(under_way)} "
            "observations, needs one for each; keep the batch as first axis"
        )
    fine = legal(actions, place.space)
    if bad := np.flatnonzero(under_way & ~fine).tolist():
        raise TrueAimError(
            f"policy {place.policy!r}: gave the action {shown(actions[bad[0]])} in episode {rows[bad[0]].level} of "
            f"setting {place.setting!r} at step {time}, needs one of {shown(place.space)}; "
            "clip or map it inside the policy"
        )
    idle = np.flatnonzero(~fine)
    typed = actions.astype(place.space.dtype)
    if len(idle):
        typed[idle] = typed[np.flatnonzero(fine)[0]]
    return typed
