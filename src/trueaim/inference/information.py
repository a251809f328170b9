"""Which level tells most about an agent's goal: nats between goals by exact backups, and levels asked in that order.

A level tells much where the plans of two goals that are both still believed in go different ways. For every ordered
pair, one linear backup over the states gives the expected nats by which the decisions of whoever pursues the one speak
against the other, and one more the affinity of the two. Together they bound the information about the goal.

Levels that are chosen for what they tell may be used to infer a goal: the likelihood of what was done on them does not
depend on why they were chosen. They say nothing about how often goals part or how much is lost on average: no share, no
regret and no interval over levels may be taken from them.

Source: active choice of experiments by expected information, Lindley 1956; bounds from pairs: Kolchinsky and Tracey
2017, Estimating mixture entropy with pairwise distances, arXiv 1706.02419.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from trueaim.core.errors import TrueAimError
from trueaim.core.model import Cues, Model
from trueaim.inference.device import device
from trueaim.inference.likelihood import Decisions, Evidence, Plans, evidence, plans
from trueaim.inference.planning import settled
from trueaim.inference.posterior import DEVICE, SURE, after_each

RATIONALITY = 10.0
"""The inverse temperature of the plans that are held against each other: the least of the usual grid, for it promises
least. For agents with 30% random actions 30 served as well where goals part clearly, and worse where they hardly do."""
MOST = 64
"""Levels that are asked, at most."""
STAYS = 5
"""Levels in a row after which a belief counts as one that stays."""
LEAST_BELIEF = 1e-12
"""No hypothesis is believed in less, so that logarithms stay finite."""


class Pairs(NamedTuple):
    """What each level tells about each ordered pair of hypotheses: the goals, and last the uniform device.

    Only decisions before the end of the first one's plan count: what an agent does once it has what it wanted is no
    part of its plan. After the end of the other's plan, the other stands for random actions. Decisions in places seen
    before count here, though not in `likelihood.evidence`: that would not be a linear backup.

    Attributes:
        nats: KL(g || h) of what whoever pursues g does; 0 on the diagonal, at least 0 elsewhere.
        affinity: the sum over ways of the square root of both probabilities, from 0 (no way in common) to 1 (the same).
    """

    nats: Float[np.ndarray, "level goal_and_device other"]
    affinity: Float[np.ndarray, "level goal_and_device other"]

    def least(self) -> Float[np.ndarray, " level"]:
        """The bound min_{g != h} KL(g || h) over the goals; 0 where the level leaves any two of them alike.

        Raises `TrueAimError` for fewer than two goals.
        """
        num_goals = self.nats.shape[1] - 1
        if num_goals < 2:
            raise TrueAimError(f"goals: got {num_goals}, needs two or more to hold against each other; list a rival")
        apart = ~np.eye(num_goals, dtype=bool)
        bound: Float[np.ndarray, " level"] = self.nats[:, :-1, :-1][:, apart].min(-1)
        return bound

    def information(self, weights: Float[np.ndarray, " goal_and_device"]) -> "Information":
        """What an agent's way on each level is expected to tell, given belief.

        -sum_g w_g log sum_h w_h x(g, h), with x = exp(-KL(g || h)) for the high end and the affinity for the low one.
        """
        belief = _checked(weights, self.nats.shape[1])
        entropy = float(-(belief * np.log(belief)).sum())
        return Information(entropy - _open(belief, self.affinity), entropy - _open(belief, np.exp(-self.nats)), entropy)

    def order(self, weights: Float[np.ndarray, " goal_and_device"]) -> Int[np.ndarray, " level"]:
        """The levels by what they tell at least, given belief; the most telling first, equals as they come."""
        return np.argsort(_open(_checked(weights, self.nats.shape[1]), self.affinity), kind="stable")


class Information(NamedTuple):
    """I = H(w) - E H(w | way), the expected information of one episode on each level about the goal, in nats.

    Attributes:
        low: what it is at least.
        high: what it is at most. Both are for the decisions that `Pairs` counts, pair by pair; they enclose the
            information of the whole episode where it ends with whichever goal is had.
        entropy: H(w), what there is to be learned.
    """

    low: Float[np.ndarray, " level"]
    high: Float[np.ndarray, " level"]
    entropy: float


def pairs(model: Model, planned: Plans, rationality: float = RATIONALITY) -> Pairs:
    """The nats and affinities of every level, for plans of one inverse temperature, by exact backups.

    K(s) = KL(pi_g(.|s) || pi_h(.|s)) + E_{a ~ pi_g} K(s') and A(s) = sum_a sqrt(pi_g(a|s) pi_h(a|s)) A(s'), within the
    time limit, K = 0 and A = 1 after the end of the episode or of g's plan.

    Args:
        model: the levels.
        planned: plans for the same levels.
        rationality: one of the inverse temperatures of the plans.

    Raises:
        TrueAimError: for plans of other levels, or without that inverse temperature.
    """
    if rationality not in planned.rationality:
        known = ", ".join(f"{b:g}" for b in planned.rationality)
        raise TrueAimError(f"rationality: got {rationality:g}, needs one of the plans' own: {known}; plan for it too")
    if len(planned.policies) != len(model.moves):
        raise TrueAimError(
            f"plans: got {len(planned.policies)} levels for a model of {len(model.moves)}, needs the same levels; take "
            "their rows"
        )
    found = _pairs(model, planned.policies[:, :, planned.rationality.index(rationality)])
    nats, affinity = (np.asarray(each, np.float64) for each in found)
    return Pairs(np.maximum(nats, 0.0), np.clip(affinity, 0.0, 1.0))


@jax.jit
def _pairs(model: Model, goals: Float[Array, "level goal state action"]) -> tuple[Array, Array]:
    policies = jnp.concatenate([goals, jnp.zeros_like(goals[:, :1])], 1)
    stops = jnp.concatenate([model.stops, jnp.zeros_like(model.stops[:, :1])], 1)
    chance = jnp.moveaxis(jnp.exp(policies) / model.num_actions, 1, -1)
    logs = jnp.moveaxis(policies, 1, -1)
    others = jnp.concatenate([logs, jnp.zeros_like(logs[..., :1])], -1)  # last: h after its plan, as random actions
    over = _over(model, stops)
    both = chance[..., None]
    here = (both * (logs[..., None] - others[..., None, :])).sum(2)
    root = both * jnp.exp((others[..., None, :] - logs[..., None]) / 2)

    def more(values: Array) -> Array:
        return here + (_after(model, over, values) * both).sum(2)

    def apart(values: Array) -> Array:
        return 1.0 - (root * (1.0 - _after(model, over, values))).sum(2)

    return _at_start(model, here, more), 1.0 - _at_start(model, here, apart)


class _Over(NamedTuple):
    """What is over on entering a state: the first one's way, and the other's plan."""

    way: Bool[Array, "level state goal 1"]
    other: Bool[Array, "level state 1 other"]


def _over(model: Model, stops: Bool[Array, "level goal state"]) -> _Over:
    by_state = jnp.swapaxes(stops, 1, 2)
    return _Over((by_state | model.ends[..., None])[..., None], by_state[:, :, None, :])


def _after(model: Model, over: _Over, values: Array) -> Array:
    """By action, the value of what follows; the last column holds that for whom the other's plan is at its end."""
    own, done = values[..., :-1], values[..., -1:]
    entered = jnp.concatenate([jnp.where(over.other, done, own), done], -1)
    entered = jnp.where(over.way, 0.0, entered)
    found: Array = jax.vmap(lambda rows, moves: rows[moves])(entered, model.moves)
    return found


def _at_start(model: Model, like: Array, back: Callable[[Array], Array]) -> Array:
    shape = like.shape
    flat = like.reshape(*shape[:2], -1)
    values = settled(model.steps, flat, lambda table: back(table.reshape(shape)).reshape(flat.shape))
    found: Array = jax.vmap(lambda table, start: table[start])(values.reshape(shape), model.start)
    return found[..., :-1]


def _checked(weights: Float[np.ndarray, " goal_and_device"], num: int) -> Float[np.ndarray, " goal_and_device"]:
    given = np.asarray(weights, np.float64)
    if given.shape != (num,) or not (given >= 0).all() or abs(given.sum() - 1) > 1e-6:
        raise TrueAimError(
            f"weights: got {given.tolist()}, needs {num} shares that sum to 1, the last one for the device; normalize "
            "them"
        )
    raised = np.maximum(given, LEAST_BELIEF)
    return np.asarray(raised / raised.sum())


def _open(
    belief: Float[np.ndarray, " name"], likeness: Float[np.ndarray, "level name other"]
) -> Float[np.ndarray, " level"]:
    """The nats of doubt that are left: sum_g w_g log sum_h (w_h / w_g) x(g, h), where x(g, g) is 1."""
    others = np.where(np.eye(len(belief), dtype=bool), 0.0, likeness)
    left: Float[np.ndarray, " level"] = np.log1p((others @ belief) / belief) @ belief
    return left


class Pool(NamedTuple):
    """Levels that may be asked.

    Attributes:
        goals: names.
        planned: plans for the levels.
        pairs: what they tell.
        cues: of the same levels, for the device; None where there are none.
    """

    goals: tuple[str, ...]
    planned: Plans
    pairs: Pairs
    cues: Cues | None


def pool(goals: tuple[str, ...], model: Model, cues: Cues | None = None, rationality: float = RATIONALITY) -> Pool:
    """The levels of a model, planned for all goals; one that the plans lack is planned for beside the usual grid."""
    planned = plans(model)
    held = planned if rationality in planned.rationality else plans(model, (rationality,))
    return Pool(goals, planned, pairs(model, held, rationality), cues)


class Asked(NamedTuple):
    """What came of asking one agent level by level. For inferring its goal only: the levels were chosen.

    Attributes:
        levels: rows of the pool, in the order in which they were asked.
        course: belief after each: the goals, and last the device class.
        believed: the likeliest after the last one, a goal or "device".
        settled_after: levels after which the posterior of `believed` stays above `sure`; None where it does not.
    """

    levels: Int[np.ndarray, " asked"]
    course: Float[np.ndarray, "asked goal_and_device"]
    believed: str
    settled_after: int | None


def ask(
    levels: Pool,
    watch: Callable[[int], Decisions],
    *,
    telling: bool = True,
    most: int = MOST,
    stays: int = STAYS,
    sure: float = SURE,
) -> Asked:
    """Play levels one by one until belief in one goal, or in the device, stays.

    After each level belief is updated, and the level is taken next that tells most about what is still open. Planted
    agents with 30% random actions needed 1.7 levels in place of 3.0 on 9x9 maps of cheese_corner (80 agents), and 2.8
    in place of 6.8 on those of color_shape with a red line and a yellow gem (64 agents for the line or for red). Where
    one level mostly suffices, as where goals always part on 13x13 maps, little is left to be saved.

    Args:
        levels: those that may be asked, each once.
        watch: plays a row of the pool and gives back the decisions, those of one level.
        telling: the most telling first; otherwise in the order of the table, which is random for levels as drawn.
        most: levels to ask at most.
        stays: how many levels in a row the same belief must be above `sure`, to count as one that stays.
        sure: the posterior that is asked for.

    Raises:
        TrueAimError: for less than one level, or one that needs not stay.
    """
    num_levels = len(levels.pairs.nats)
    if min(num_levels, most, stays) < 1:
        raise TrueAimError(
            f"ask: got {num_levels} levels, at most {most} to ask and {stays} to stay, needs at least 1 of each; raise "
            "what is less"
        )
    belief = np.full(len(levels.goals) + 1, 1 / (len(levels.goals) + 1))
    rows: list[int] = []
    seen: list[Decisions] = []
    said: list[Evidence] = []
    course = belief[None]
    while len(rows) < min(most, num_levels) and _run(course, sure) < stays:
        order = levels.pairs.order(belief) if telling else np.arange(num_levels)
        row = int(next(each for each in order if each not in rows))
        rows.append(row)
        seen.append(watch(row))
        said.append(evidence(levels.planned.rows(np.array([row])), seen[-1]))
        course = _course(levels, rows, seen, said)
        belief = course[-1]
    run = _run(course, sure)
    believed = (*levels.goals, DEVICE)[int(belief.argmax())]
    return Asked(np.array(rows), course, believed, len(rows) - run + 1 if run >= stays else None)


def _run(course: Float[np.ndarray, "asked name"], sure: float) -> int:
    """For how many levels, up to the last, what is likeliest now has been above `sure`."""
    above = course[:, course[-1].argmax()] > sure
    return len(above) if above.all() else int(np.argmin(above[::-1]))


def _course(
    levels: Pool, rows: list[int], seen: list[Decisions], said: list[Evidence]
) -> Float[np.ndarray, "asked goal_and_device"]:
    joined = Evidence(
        np.concatenate([each.nats for each in said]),
        np.concatenate([each.attainable for each in said]),
        np.concatenate([each.num_decisions for each in said]),
        levels.planned.rationality,
    )
    found = Decisions(*(np.concatenate(tables) for tables in zip(*seen, strict=True)))  # type: ignore[arg-type]
    cues = levels.cues and levels.cues._replace(codes=levels.cues.codes[np.array(rows)])
    return after_each(levels.goals, joined, device(found, cues))
