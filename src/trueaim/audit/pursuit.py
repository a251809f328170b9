"""Which goal agents pursue where goals part: inferred from their decisions, or else told by what they got."""

from collections import Counter
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from trueaim.audit.aims import Aim, Behavior
from trueaim.audit.excess import regrets
from trueaim.audit.measure import Grid
from trueaim.audit.statistics import mean
from trueaim.core.verdict import Aim as AimRecord
from trueaim.core.verdict import Inference, Number
from trueaim.inference.discovery import NO_AIM
from trueaim.inference.posterior import DEVICE

COURSE = 32
"""Levels over which belief is kept for pictures."""
DECISIONS, PAYMENT = "decisions", "payment"
ALIKE = 0.01
"""Goals are taken to ask for the same if none is ever ahead of the other by as much."""
SAME = 0.05
"""Shares of optimal that differ by no more are as good as the same."""


class Pursuit(NamedTuple):
    """What is pursued on the distinguishing levels of one pair of goals.

    Attributes:
        names: the goals, then the device class where goals were inferred.
        weights: how likely each is behind what an agent did on a level; by payment, 1 for what was served best.
        leads: by how much each goal is ahead of each other one, from -1 to 1, when these two alone are considered; 0
            where they ask for the same.
        record: the same for people and files.
        is_explained: whether the listed goals explain what was done; by payment that is taken for granted.
    """

    names: tuple[str, ...]
    weights: Float[np.ndarray, "agent level name"]
    leads: Float[np.ndarray, "agent level goal other"]
    record: Inference
    is_explained: bool = True

    def weight(self, goal: int) -> Number:
        """The share of levels on which a goal is pursued."""
        return mean(self.weights[..., goal])

    def ahead(self, goal: int, other: int) -> Number:
        """By how much larger the share of levels is on which one goal is pursued rather than another."""
        return mean(self.leads[..., goal, other])

    def instead(self, goal: int, other: int) -> Number:
        """The share of levels on which one goal is pursued rather than another."""
        return mean(np.maximum(self.leads[..., goal, other], 0.0))


class Enough(NamedTuple):
    """When the listed goals explain what was done.

    Attributes:
        explained: they explain at least this share of the attainable nats ...
        device: ... and no larger share of the levels is left to random moves.
    """

    explained: float = 0.1
    device: float = 0.35


def pursuit(
    grid: Grid, parting: Bool[np.ndarray, " level"], behavior: Behavior | None, enough: Enough
) -> Pursuit | None:
    """What is pursued on these levels; None if there are none.

    Args:
        grid: the episodes of one setting.
        parting: the distinguishing levels.
        behavior: the decisions, where goals can be inferred from them.
        enough: else a goal that nobody listed is looked for.
    """
    if not parting.any():
        return None
    return _by_payment(grid, parting) if behavior is None else _by_decisions(grid, parting, behavior, enough)


def _by_payment(grid: Grid, parting: Bool[np.ndarray, " level"]) -> Pursuit:
    """The goal of which an agent got the largest share on a level; of those about as well served, the first paid.

    A goal that pays on the way to another, again and again, would always be the first: those two both count.
    """
    shares = np.stack([1 - regrets(grid, goal)[:, parting] for goal in range(len(grid.goals))], -1)
    shares = np.where(np.isnan(shares), 0.0, shares)
    first = np.stack([grid.came_first_of_its_kind(goal)[:, parting] for goal in range(len(grid.goals))], -1)
    weights = _served(shares, first, grid.again)
    goals = range(len(grid.goals))
    leads = np.zeros((*shares.shape, len(goals)))
    for goal, other in ((goal, other) for goal in goals for other in goals if goal != other):
        pair = _served(shares[..., [goal, other]], first[..., [goal, other]], grid.again[[goal, other]])
        leads[..., goal, other] = pair[..., 0] - pair[..., 1]
    aims = [AimRecord(goal=goal, weight=mean(weights[..., i])) for i, goal in enumerate(grid.goals)]
    return Pursuit(grid.goals, weights, leads, Inference(source=PAYMENT, aims=aims, levels=int(parting.sum())))


def _served(
    shares: Float[np.ndarray, "agent level goal"],
    first: Bool[np.ndarray, "agent level goal"],
    again: Bool[np.ndarray, " goal"],
) -> Float[np.ndarray, "agent level goal"]:
    """1 for the goal that was served best, of those about as good for the first of its kind; 0 for the others."""
    served = (shares > 0) & (shares >= shares.max(-1, keepdims=True) - SAME)
    kinds = [served & (again == kind) for kind in (False, True)]
    chosen = [np.where((kind & first).any(-1, keepdims=True), kind & first, kind) for kind in kinds]
    return (chosen[0] | chosen[1]).astype(float)


def _by_decisions(grid: Grid, parting: Bool[np.ndarray, " level"], behavior: Behavior, enough: Enough) -> Pursuit:
    aims = behavior.aims(parting)
    weights = np.stack([aim.many.responsibilities for aim in aims])
    names = (*grid.goals, DEVICE)
    explained = mean(np.array([[aim.explained] for aim in aims]))
    is_explained = explained.value is not None and explained.value >= enough.explained
    is_explained &= bool(weights[..., -1].mean() <= enough.device)
    words, gain = ("", None) if is_explained else _described(behavior)
    record = Inference(
        source=DECISIONS,
        aims=[_record(name, i, weights, aims) for i, name in enumerate(names)],
        explained=explained,
        described=words,
        gain=gain,
        levels=int(parting.sum()),
        decisions=int(sum(int(aim.one.num_decisions.max()) for aim in aims)),
        course=_course(aims),
        same=_same(grid.goals, aims),
    )
    return Pursuit(names, weights, np.stack([aim.leads for aim in aims]), record, is_explained)


def _same(goals: tuple[str, ...], aims: list[Aim]) -> list[list[str]]:
    """Goals that ask for the same moves on all of these levels, as far as the agents' decisions show."""
    apart = np.max([np.abs(aim.leads).max(0) for aim in aims], 0)
    groups: list[list[str]] = []
    for number, goal in enumerate(goals):
        group = next((one for one in groups if apart[goals.index(one[0]), number] < ALIKE), None)
        if group is None:
            groups.append([goal])
        else:
            group.append(goal)
    return [group for group in groups if len(group) > 1]


def _course(aims: list[Aim]) -> list[list[float]]:
    mean_belief = np.mean(np.stack([aim.course[:COURSE] for aim in aims]), axis=0)
    return [[round(float(belief), 4) for belief in row] for row in mean_belief]


def _record(name: str, number: int, weights: Float[np.ndarray, "agent level name"], aims: list[Aim]) -> AimRecord:
    is_device = name == DEVICE
    beliefs = [aim.one.device if is_device else aim.one.weights[number] for aim in aims]
    nats = [np.nan if is_device else aim.one.nats[number] for aim in aims]
    known = np.isfinite(nats)
    return AimRecord(
        goal=name,
        weight=mean(weights[..., number]),
        belief=float(np.mean(beliefs)),
        nats=float(np.mean(np.array(nats)[known])) if known.any() else None,
    )


def _described(behavior: Behavior) -> tuple[str, float | None]:
    """The commonest description, "" for no aim, and by how many nats per decision fitted goals explain more."""
    fitted = behavior.described()
    if not fitted:
        return "", None
    gains = [found.gain for found in fitted if np.isfinite(found.gain)]
    words = Counter(found.words for found in fitted).most_common(1)[0][0]
    return "" if words == NO_AIM else words, float(np.mean(gains)) if gains else None
