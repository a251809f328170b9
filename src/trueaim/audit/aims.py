"""What agents are after, from what they do: every goal held against every decision, for each agent of a group."""

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from trueaim.core.model import Cues, Features, Model
from trueaim.core.scenario import Scenario
from trueaim.inference.device import Device, device
from trueaim.inference.discovery import Discovery, discover
from trueaim.inference.likelihood import Decisions, Evidence, decisions, evidence, plans
from trueaim.inference.posterior import Mixture, Posterior, after_each, ahead, mixture, posterior

TINY = 1e-12
DESCRIBED = 60
"""Levels by which a goal that nobody listed is described; a third of them are held out."""
FEWEST = 32
"""Levels below which none is looked for."""


class Aim(NamedTuple):
    """What one agent is after on some levels.

    Attributes:
        one: belief, if it has one goal on all of them.
        many: the share of levels on which it pursues each goal, or acts at random.
        explained: the share of the attainable nats that this mixture of goals explains; NaN without a decision.
        course: belief after each level, the goals and then the device class.
        leads: on each level, how likely each goal is less how likely each other one is, in a mixture of these two.
    """

    one: Posterior
    many: Mixture
    explained: float
    course: Float[np.ndarray, "level goal_and_device"]
    leads: Float[np.ndarray, "level goal other"]


@dataclass(frozen=True, eq=False)
class Behavior:
    """The decisions of a group of agents on the levels of one setting, and what each goal makes of them.

    Attributes:
        goals: names.
        found: each agent's decisions.
        evidence: of each agent.
        model, features, cues: of the levels.
        ids: numbers of the agents in the group.
        fits: what was found of goals that nobody listed, by agent; filled when asked for.
    """

    goals: tuple[str, ...]
    found: tuple[Decisions, ...]
    evidence: tuple[Evidence, ...]
    model: Model
    features: Features
    cues: Cues
    ids: tuple[int, ...]
    fits: dict[int, Discovery] = field(default_factory=dict)

    def only(self, agent: int) -> "Behavior":
        """The same of one agent, by its row."""
        one = slice(agent, agent + 1)
        return replace(self, found=self.found[one], evidence=self.evidence[one], ids=self.ids[one])

    def aims(self, levels: Bool[np.ndarray, " level"]) -> list[Aim]:
        """What each agent is after on these levels."""
        rows = np.flatnonzero(levels)
        cues = Cues(self.cues.names, self.cues.codes[rows])
        return [
            _aim(self.goals, said.rows(rows), device(found.rows(rows), cues))
            for found, said in zip(self.found, self.evidence, strict=True)
        ]

    def rows(self, levels: Any) -> "Behavior":
        """The same on some of the levels."""
        return replace(
            self,
            found=tuple(each.rows(levels) for each in self.found),
            evidence=tuple(each.rows(levels) for each in self.evidence),
            model=self.model.rows(levels),
            features=self.features._replace(on=self.features.on[levels]),
            cues=self.cues._replace(codes=self.cues.codes[levels]),
            fits={},
        )

    def described(self) -> list[Discovery]:
        """For each agent the goal that explains its ways best, listed or not, from the first levels; [] of too few."""
        if len(self.model.start) < FEWEST:
            return []
        few = slice(0, DESCRIBED)
        for agent, found in zip(self.ids, self.found, strict=True):
            if agent not in self.fits:
                features = self.features._replace(on=self.features.on[few])
                self.fits[agent] = discover(self.model.rows(few), found.rows(few), features)
        return [self.fits[agent] for agent in self.ids]


def behavior(
    scenario: Scenario,
    levels: Any,
    places: Int[np.ndarray, "agent level time_and_start"],
    length: Int[np.ndarray, "agent level"],
) -> Behavior | None:
    """What the agents did on a table of levels, for whoever infers goals; None where levels are too large for that."""
    if scenario.tabular is None:
        return None
    model = scenario.tabular.model(levels)
    planned = plans(model)
    found = tuple(decisions(model, *both) for both in zip(places, length, strict=True))
    said = tuple(evidence(planned, each) for each in found)
    features, cues = scenario.tabular.features(levels), scenario.tabular.cues(levels)
    return Behavior(scenario.goal_names, found, said, model, features, cues, tuple(range(len(found))))


def _aim(goals: tuple[str, ...], said: Evidence, habits: Device) -> Aim:
    many = mixture(goals, said)
    return Aim(
        posterior(goals, said, habits),
        many,
        _explained(said, many),
        after_each(goals, said, habits),
        _leads(said, many),
    )


def _leads(said: Evidence, many: Mixture) -> Float[np.ndarray, "level goal other"]:
    num_levels, num_goals, _ = said.nats.shape
    found = np.zeros((num_levels, num_goals, num_goals))
    for goal in range(num_goals):
        for other in range(goal):
            found[:, goal, other] = ahead(said, many, goal, other)
            found[:, other, goal] = -found[:, goal, other]
    return found


def _explained(said: Evidence, many: Mixture) -> float:
    """The nats of the goal behind each level, weighed by how likely it is, over the nats that it could have had.

    Levels that are left to random moves have none, but could have had some.
    """
    goals = many.responsibilities[:, :-1]
    b = said.rationality.index(many.rationality)
    likeliest = goals / np.maximum(goals.sum(-1, keepdims=True), TINY)
    given, most = (goals * said.nats[..., b]).sum(), (likeliest * said.attainable).sum()
    return float(given / most) if most > 0 else float("nan")
