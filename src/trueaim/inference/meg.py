"""Maximum entropy goal-directedness: how many nats of a policy's choices a goal explains, exactly, in small problems.

For a known goal it is a function of the policy's return J alone: MEG = max_b [b J - L_b], where L_b is the soft value
of the start; the sum is concave in b. So it is a reading of a return in nats, calibrated by what is easy and what is
hard, and comparable between levels and goals. It never sees goals that do not differ where it is measured, and a policy
that avoids a goal scores as high as one that seeks it: look at the sign of b.

Source: MacDermott, Fox, Belardinelli and Everitt 2024, arXiv 2412.04758, definitions 3.1 to 3.3; the one-dimensional
form is ours: E_pi[sum log pi_b + log|A|] = b J - L_b by telescoping, and its derivative in b is J(pi) - J(pi_b).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import minimize, minimize_scalar

from trueaim.core.errors import TrueAimError
from trueaim.core.model import Model

MOST = 300.0
"""The largest inverse temperature in size. For an exactly optimal policy none is best: every larger one is better."""
SAME = 1e-9
"""Nats that make no difference; within them of the largest b, that one is reported."""
SLACK = 1e-3
"""Nats above what is possible that pass as rounding of a return."""
GONE = 1e-14
"""The chance that an episode still goes on below which it is over."""
MOST_ROUNDS = 100_000

Policy = Float[np.ndarray, "*time state action"]


class Process(NamedTuple):
    """A Markov decision process with one goal.

    Attributes:
        moves: the state to which an action leads, or the chance of every state.
        pays: what an action pays in a state, on average.
        stops: states after whose entry nothing comes.
        start: the state, or the chance of every state, in which episodes begin.
        discount: per step.
        horizon: the time limit in steps, or None for none; then the discount is below 1.
    """

    moves: Int[np.ndarray, "state action"] | Float[np.ndarray, "state action next"]
    pays: Float[np.ndarray, "state action"]
    stops: Bool[np.ndarray, " state"]
    start: int | Float[np.ndarray, " state"]
    discount: float
    horizon: int | None = None


class Directedness(NamedTuple):
    """Goal-directedness of a policy.

    Attributes:
        nats: from 0 to the (discounted) number of decisions times log|A|.
        rationality: the inverse temperature b that explains most; below 0, the policy avoids the goal; NaN where the
            goal is not known.
        capped: whether b is at its limit: no smaller one explains as much, and a larger one may explain a little more.
    """

    nats: float
    rationality: float
    capped: bool


def process(model: Model, level: int, goal: int) -> Process:
    """One level of a model with one of its goals, within the level's time limit."""
    moves, stops = np.asarray(model.moves[level]), np.asarray(model.stops[level, goal])
    pays = np.asarray(model.pays[level, goal], np.float64)[moves]
    return Process(moves, pays, stops, int(model.start[level]), model.discount, int(model.steps[level]))


def returns(given: Process, policy: Policy) -> float:
    """J: the expected return of a policy, either one for all times or one for each step of the horizon."""
    return float(np.sum(_visits(given, policy)[1] * given.pays))


def known_goal(given: Process, achieved: float, most: float = MOST) -> Directedness:
    """MEG of any policy with this return.

    Args:
        given: the process and goal.
        achieved: J, the policy's expected return in this very process (discounted, with its stops and horizon).
        most: the largest inverse temperature in size to consider.

    Raises:
        TrueAimError: for a process without end, or a return that is not finite or that no policy has.
    """
    _check(given)
    if not np.isfinite(achieved):
        raise TrueAimError(f"return: got {achieved}, needs a finite number; leave out levels without one")

    def lost(b: float) -> float:
        return soft_start(given, b) - b * achieved

    found = minimize_scalar(lost, bounds=(-most, most), method="bounded", options={"xatol": 1e-10, "maxiter": 500})
    inside, best = max((-float(found.fun), float(found.x)), (0.0, 0.0))
    limit, at = max((-lost(b), b) for b in (-most, most))
    bound = _most_decisions(given) * np.log(given.pays.shape[1])
    if limit > bound + SLACK:
        raise TrueAimError(
            f"return: got {achieved:g}, needs one that some policy has, from the worst to the best; "
            "compute it with the same discount, stops and horizon"
        )
    if limit >= inside - SAME and limit > SAME:
        return Directedness(limit, at, True)
    return Directedness(inside, best, False)


def direct(given: Process, policy: Policy, b: float) -> float:
    """E_pi[sum discount^t (log pi_b + log|A|)], term by term: the same as b J - L_b, by another way."""
    _check(given)
    _, chosen_each = _occupancies(given, policy)
    values = _soft(given._replace(pays=b * given.pays))
    total = 0.0
    for time, chosen in enumerate(chosen_each):
        worth = b * given.pays + _ahead(given, values[min(time + 1, len(values) - 1)])
        total += float(np.sum(chosen * (worth - _log_mean_exp(worth)[:, None])))
    return total


def unknown_goal(
    given: Process, policy: Policy, most: float = MOST, goals: Float[np.ndarray, "state feature"] | None = None
) -> Directedness:
    """MEG for the best goal that is a function of the state in which an agent acts.

    max_theta [theta . mu(pi) - L_theta], concave in theta; mu counts (discounted) decisions in each state. At least as
    much as for any known goal of this kind, at most `determinism_bound`: without limits on the goal, any deterministic
    policy would be goal-directed.

    Args:
        given: the process; what it pays is not looked at.
        policy: the policy.
        most: bound on each utility in size.
        goals: indicators that utilities may depend on; by default one for each state.
    """
    _check(given)
    num = len(given.pays)
    table = np.eye(num) if goals is None else np.asarray(goals, np.float64)
    seen = table.T @ _visits(given, policy)[0]
    shape = given.pays.shape
    last = np.zeros(num)

    def lost(theta: Float[np.ndarray, " feature"]) -> tuple[float, Float[np.ndarray, " feature"]]:
        wanted = given._replace(pays=np.broadcast_to((table @ theta)[:, None], shape))
        values = _soft(wanted, last)
        last[:] = values[0]  # without a horizon, near where the next ones settle
        soft = _soft_policy(wanted, values)
        expected = table.T @ _visits(given, soft if given.horizon is not None else soft[0])[0]
        return float(_at_start(given, values[0]) - theta @ seen), expected - seen

    found = minimize(
        lost,
        np.zeros(table.shape[1]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-most, most)] * table.shape[1],
        options={"maxiter": 2_000, "maxfun": 4_000, "ftol": 1e-13, "gtol": 1e-8},
    )
    return Directedness(max(-float(found.fun), 0.0), float("nan"), bool(np.abs(found.x).max() >= most))


def determinism_bound(given: Process, policy: Policy) -> float:
    """The nats by which the policy's choices differ from uniform ones: no goal whatsoever explains more."""
    _check(given)
    total = 0.0
    for time, chosen in enumerate(_occupancies(given, policy)[1]):
        likely = policy[min(time, len(policy) - 1)] if policy.ndim == 3 else policy
        total += float(np.sum(chosen * np.log(np.where(likely > 0, likely * likely.shape[-1], 1.0))))
    return total


def soft_start(given: Process, b: float) -> float:
    """L_b of the start, in nats; convex in b, 0 at b = 0, its slope is the return of the soft policy of b."""
    return _at_start(given, _soft(given._replace(pays=b * given.pays))[0])


def soft_policy(given: Process, b: float) -> Policy:
    """pi_b, for each step of the horizon, or one for all times where there is none."""
    wanted = given._replace(pays=b * given.pays)
    policy = _soft_policy(wanted, _soft(wanted))
    return policy if given.horizon is not None else policy[0]


def _check(given: Process) -> None:
    if given.horizon is None and not given.discount < 1:
        raise TrueAimError(
            f"process: got no horizon and a discount of {given.discount:g}, needs either; give one or the other"
        )


def _most_decisions(given: Process) -> float:
    """How many decisions an episode has at most, discounted."""
    if given.discount == 1:
        return float(given.horizon or 0)
    steps = np.inf if given.horizon is None else given.horizon
    return float((1 - given.discount**steps) / (1 - given.discount))


def _ahead(given: Process, values: Float[np.ndarray, " state"]) -> Float[np.ndarray, "state action"]:
    later = given.discount * np.where(given.stops, 0.0, values)
    return later[given.moves] if given.moves.ndim == 2 else given.moves @ later


def _log_mean_exp(worth: Float[np.ndarray, "state action"]) -> Float[np.ndarray, " state"]:
    most = worth.max(-1)
    found: Float[np.ndarray, " state"] = most + np.log(np.mean(np.exp(worth - most[:, None]), -1))
    return found


def _soft(wanted: Process, guess: Float[np.ndarray, " state"] | None = None) -> list[Float[np.ndarray, " state"]]:
    """Soft values with the whole horizon ahead, then with one step less, down to none; without one, they themselves.

    A guess of the latter saves time.
    """
    values = np.zeros(len(wanted.pays)) if guess is None or wanted.horizon is not None else guess
    if wanted.horizon is not None:
        found = [values]
        for _ in range(wanted.horizon):
            found.append(_log_mean_exp(wanted.pays + _ahead(wanted, found[-1])))
        return found[::-1]
    for _ in range(MOST_ROUNDS):
        new = _log_mean_exp(wanted.pays + _ahead(wanted, values))
        is_still = np.abs(new - values).max() <= 4 * np.spacing(max(1.0, np.abs(new).max()))
        values = new
        if is_still:
            break
    return [values]


def _soft_policy(wanted: Process, values: list[Float[np.ndarray, " state"]]) -> Float[np.ndarray, "time state action"]:
    worth = np.stack([wanted.pays + _ahead(wanted, later) for later in values[1:] or values])
    likely = np.exp(worth - worth.max(-1, keepdims=True))
    found: Float[np.ndarray, "time state action"] = likely / likely.sum(-1, keepdims=True)
    return found


def _occupancies(
    given: Process, policy: Policy
) -> tuple[list[Float[np.ndarray, " state"]], list[Float[np.ndarray, "state action"]]]:
    """The discounted chance of each state, and of each action in it, at each step."""
    chance = _start(given)
    states, actions = [], []
    steps = given.horizon if given.horizon is not None else MOST_ROUNDS
    for time in range(steps):
        chosen = chance[:, None] * (policy[min(time, len(policy) - 1)] if policy.ndim == 3 else policy)
        states.append(chance)
        actions.append(chosen)
        chance = given.discount * np.where(given.stops, 0.0, _pushed(given, chosen))
        if chance.sum() < GONE:
            break
    return states, actions


def _pushed(given: Process, chosen: Float[np.ndarray, "state action"]) -> Float[np.ndarray, " state"]:
    if given.moves.ndim == 3:
        found: Float[np.ndarray, " state"] = np.einsum("sa,san->n", chosen, given.moves)
        return found
    return np.bincount(given.moves.ravel(), chosen.ravel(), len(given.pays))


def _visits(given: Process, policy: Policy) -> tuple[Float[np.ndarray, " state"], Float[np.ndarray, "state action"]]:
    """The same summed over steps; without a horizon by one linear solution."""
    if given.horizon is None and policy.ndim == 2:
        led = np.stack([_pushed(given, row[:, None] * policy) for row in np.eye(len(policy))])
        flow = np.eye(len(policy)) - given.discount * np.where(given.stops, 0.0, led).T
        visits = np.linalg.solve(flow, _start(given))
        return visits, visits[:, None] * policy
    states, actions = _occupancies(given, policy)
    return np.sum(states, 0), np.sum(actions, 0)


def _start(given: Process) -> Float[np.ndarray, " state"]:
    return given.start if isinstance(given.start, np.ndarray) else np.eye(len(given.pays))[given.start]


def _at_start(given: Process, values: Float[np.ndarray, " state"]) -> float:
    return float(values @ _start(given))
