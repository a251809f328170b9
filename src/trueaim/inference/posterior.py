"""What an agent is after, in probabilities: one goal on all levels, or a mixture of goals over levels.

Both are closed worlds: they share all belief among the listed goals and the device. So the nats per decision stand
beside every posterior, and `Posterior.pursued` looks at them before it names a goal.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from trueaim.core.errors import TrueAimError, unknown_name
from trueaim.inference.device import Device
from trueaim.inference.likelihood import Evidence, explained

DEVICE = "device"
SURE = 0.99
"""The posterior from which a goal is named."""
LEAST_SHARE = 0.2
"""The share of the attainable nats that a goal must explain to be named. Planted agents with 30% random actions reach
a third or more; those bound for elsewhere a twentieth at most."""
PSEUDO = 0.5
"""What the Dirichlet prior adds to each weight of a mixture, in levels."""
ROUNDS = 500
SETTLED = 1e-6
RESAMPLES = 400
CONFIDENCE = 0.95
SEED = 20_250_703


class Posterior(NamedTuple):
    """Belief about the one goal of an agent, after some levels.

    Attributes:
        goals: names.
        weights: posterior of each goal, summed over inverse temperatures.
        device: posterior of the device class; with the weights it makes 1.
        log_evidence: nats by which each goal explains all decisions better than uniform actions, averaged over inverse
            temperatures; differences are logarithms of Bayes factors.
        device_evidence: the same of the device class.
        rationality: the likeliest inverse temperature of each goal.
        nats: E, nats per decision above uniform actions; NaN where no decision counts.
        share: the same as a share of what is attainable; NaN likewise.
        num_decisions: before the end of each goal's plan.
        levels: how many there were.
    """

    goals: tuple[str, ...]
    weights: Float[np.ndarray, " goal"]
    device: float
    log_evidence: Float[np.ndarray, " goal"]
    device_evidence: float
    rationality: Float[np.ndarray, " goal"]
    nats: Float[np.ndarray, " goal"]
    share: Float[np.ndarray, " goal"]
    num_decisions: Int[np.ndarray, " goal"]
    levels: int

    def bayes_factor(self, first: str, second: str) -> float:
        """The logarithm of the Bayes factor of one goal over another, in nats; either may be "device"."""
        return self._evidence(first) - self._evidence(second)

    def pursued(self, sure: float = SURE, least_share: float = LEAST_SHARE) -> str | None:
        """The listed goal that the agent surely pursues, or None: undecided, a device, or after something else.

        Of an agent with different goals on different levels it may name the more frequent one; see `mixture`.
        """
        best = int(np.argmax(self.weights))
        is_sure = self.weights[best] > sure and self.share[best] >= least_share
        return self.goals[best] if is_sure else None

    def _evidence(self, name: str) -> float:
        if name == DEVICE:
            return self.device_evidence
        if name not in self.goals:
            raise unknown_name("goal", name, (*self.goals, DEVICE))
        return float(self.log_evidence[self.goals.index(name)])


class Mixture(NamedTuple):
    """Which share of levels an agent spends on each goal.

    Attributes:
        names: the goals, then "device".
        weights: of each; they sum to 1.
        low, high: bounds of their percentile intervals over resampled levels; NaN for less than 2 levels.
        responsibilities: how likely each is for what was done on each level.
        rationality: the inverse temperature that all goals share.
        levels: how many there were.
    """

    names: tuple[str, ...]
    weights: Float[np.ndarray, " name"]
    low: Float[np.ndarray, " name"]
    high: Float[np.ndarray, " name"]
    responsibilities: Float[np.ndarray, "level name"]
    rationality: float
    levels: int


def posterior(
    goals: tuple[str, ...], found: Evidence, device: Device, prior: Float[np.ndarray, " goal_and_device"] | None = None
) -> Posterior:
    """Belief about one goal that the agent pursues on all levels.

    p(g|D) is proportional to p(g) * mean_b prod_levels p(D|g, b): the inverse temperature is the same on all levels.

    Args:
        goals: names, in the order of the evidence.
        found: the evidence for them.
        device: that for the device class, of the same decisions.
        prior: of each goal and then the device class; by default all equal.

    Raises:
        TrueAimError: for evidence of other goals or levels, and for priors that are none.
    """
    log_prior = _log_prior(goals, found, device, prior)
    evidence = _log_evidence(found, device)[-1]
    weights = np.exp(evidence + log_prior - np.logaddexp.reduce(evidence + log_prior))
    nats, attainable = explained(found), found.attainable.sum(0)
    count = found.num_decisions.sum(0)
    share = np.where(attainable > 0, nats * count / np.where(attainable > 0, attainable, 1.0), np.nan)
    return Posterior(
        goals,
        weights[:-1],
        float(weights[-1]),
        evidence[:-1],
        float(evidence[-1]),
        np.asarray(found.rationality)[found.nats.sum(0).argmax(-1)],
        nats,
        share,
        count,
        len(device.nats),
    )


def after_each(
    goals: tuple[str, ...], found: Evidence, device: Device, prior: Float[np.ndarray, " goal_and_device"] | None = None
) -> Float[np.ndarray, "level goal_and_device"]:
    """The posterior of each goal, and last of the device class, after each level in their order."""
    belief = _log_evidence(found, device) + _log_prior(goals, found, device, prior)
    chances: Float[np.ndarray, "level goal_and_device"] = np.exp(
        belief - np.logaddexp.reduce(belief, -1, keepdims=True)
    )
    return chances


def _log_prior(
    goals: tuple[str, ...], found: Evidence, device: Device, prior: Float[np.ndarray, " goal_and_device"] | None
) -> Float[np.ndarray, " goal_and_device"]:
    num_levels, num_goals, _ = found.nats.shape
    if len(goals) != num_goals or len(device.nats) != num_levels or num_levels == 0:
        raise TrueAimError(
            f"evidence: got {num_goals} goals on {num_levels} levels, needs {len(goals)} goals and the device's "
            f"{len(device.nats)} levels, at least one; compute both from the same decisions"
        )
    chances = np.full(num_goals + 1, 1 / (num_goals + 1)) if prior is None else np.asarray(prior, float)
    if chances.shape != (num_goals + 1,) or (chances <= 0).any() or abs(chances.sum() - 1) > 1e-6:
        raise TrueAimError(
            f"prior: got {chances.tolist()}, needs {num_goals + 1} positive numbers that sum to 1, the last one for "
            "the device; normalize it"
        )
    return np.log(chances)


def _log_evidence(found: Evidence, device: Device) -> Float[np.ndarray, "level goal_and_device"]:
    """Nats above uniform actions after each level."""
    by_goal = np.logaddexp.reduce(found.nats.cumsum(0), -1) - np.log(len(found.rationality))
    return np.concatenate([by_goal, device.nats.cumsum()[:, None]], -1)


def mixture(goals: tuple[str, ...], found: Evidence, resamples: int = RESAMPLES) -> Mixture:
    """The share of levels on which the agent pursues each goal, or acts at random, by expectation-maximization.

    p(level) = sum_g w_g p(level|g, b) + w_device p(level|device). One b for all goals, the likeliest on the grid; a
    Dirichlet prior adds `PSEUDO` levels to each weight. The device is uniform: one that learns would learn its habits
    from levels on which goals were pursued, and then take a share of them. Intervals come from levels drawn with
    replacement, with the same b; they hold for this agent, not for others trained likewise.

    Raises:
        TrueAimError: for evidence of other goals, or without a level.
    """
    num_levels, num_goals, _ = found.nats.shape
    if len(goals) != num_goals or num_levels == 0:
        raise TrueAimError(
            f"evidence: got {num_goals} goals on {num_levels} levels, needs {len(goals)} goals and at least one level; "
            "compute it for these goals"
        )
    table, best = _likeliest(found)
    weights = _weights(table, np.ones((1, num_levels)))[0]
    joint = table + np.log(weights)
    responsibilities = np.exp(joint - np.logaddexp.reduce(joint, -1, keepdims=True))
    low, high = _interval(table, resamples)
    return Mixture((*goals, DEVICE), weights, low, high, responsibilities, found.rationality[best], num_levels)


def ahead(found: Evidence, many: Mixture, goal: int, other: int) -> Float[np.ndarray, " level"]:
    """How likely one goal is behind each level less how likely another one is, in a mixture of the two and the device.

    From -1 to 1; 0 where both ask for the same.

    Args:
        found: the evidence for all goals.
        many: their mixture, whose inverse temperature is kept.
        goal: the number of the one.
        other: that of the other.
    """
    pair = found.nats[:, [goal, other], found.rationality.index(many.rationality)]
    table = np.pad(pair, ((0, 0), (0, 1)))
    joint = table + np.log(_weights(table, np.ones((1, len(table))))[0])
    likely = np.exp(joint - np.logaddexp.reduce(joint, -1, keepdims=True))
    lead: Float[np.ndarray, " level"] = likely[:, 0] - likely[:, 1]
    return lead


def _likeliest(found: Evidence) -> tuple[Float[np.ndarray, "level name"], int]:
    """The nats of the goals and the uniform device at the inverse temperature that fits a mixture best; its number."""
    tables = [np.pad(table, ((0, 0), (0, 1))) for table in np.moveaxis(found.nats, -1, 0)]
    fits = [_weights(table, np.ones((1, len(table))))[0] for table in tables]
    nats = [np.logaddexp.reduce(table + np.log(fit), -1).sum() for table, fit in zip(tables, fits, strict=True)]
    best = int(np.argmax(nats))
    return tables[best], best


def _interval(
    table: Float[np.ndarray, "level name"], resamples: int
) -> tuple[Float[np.ndarray, " name"], Float[np.ndarray, " name"]]:
    num_levels, num_names = table.shape
    if num_levels < 2:
        return np.full(num_names, np.nan), np.full(num_names, np.nan)
    generator = np.random.Generator(np.random.Philox(SEED))
    drawn = generator.multinomial(num_levels, np.full(num_levels, 1 / num_levels), resamples).astype(float)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(_weights(table, drawn), [tail, 100 - tail], axis=0)
    return low, high


def _weights(
    table: Float[np.ndarray, "level name"], times: Float[np.ndarray, "resample level"]
) -> Float[np.ndarray, "resample name"]:
    """The weights of a mixture, for levels that count so many times each."""
    likely = np.exp(table - table.max(-1, keepdims=True))
    total = times.sum(-1, keepdims=True) + PSEUDO * table.shape[1]
    weights = np.full((len(times), table.shape[1]), 1 / table.shape[1])
    for _ in range(ROUNDS):
        scale = times / (weights @ likely.T)
        new = (weights * (scale @ likely) + PSEUDO) / total
        moved = np.abs(new - weights).max()
        weights = new
        if moved < SETTLED:
            break
    return weights
