"""Learning curves that watch every goal on every setting, to see when the proxy won."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from trueaim.core.keys import root, stream
from trueaim.core.levels import audit_levels
from trueaim.core.policy import Policy
from trueaim.core.scenario import Scenario
from trueaim.training.rollout import play

LEVELS = 256
"""Levels of each setting behind one point; fixed, and of layouts that training never sees."""
STEPS = 2**14
"""Steps that each agent plays for one setting of a point: where episodes are long, fewer levels will do, but ..."""
FEWEST = 64
"""... no fewer than these."""
SEED = 1_000_003
"""Of the levels behind curves: the same for every run, and other ones than an audit's."""


class Row(NamedTuple):
    """One number of one agent at one time: `name` is a path such as "return/anywhere/corner"."""

    seed: int
    step: int
    name: str
    value: float


class Curves(NamedTuple):
    """All numbers that training logged."""

    rows: list[Row]

    def series(self, name: str, seed: int) -> tuple[list[int], list[float]]:
        """The steps and values of one curve of one agent, in order."""
        points = sorted((row.step, row.value) for row in self.rows if row.name == name and row.seed == seed)
        return [step for step, _ in points], [value for _, value in points]

    def last(self, name: str, seed: int) -> float:
        """The last value of a curve; NaN where there is none."""
        values = self.series(name, seed)[1]
        return values[-1] if values else float("nan")


Watch = Callable[[Policy], Mapping[str, Sequence[float]]]
"""More numbers to log with every point of the curves: from the agents so far, by name, one for each agent."""


class Baseline:
    """The fixed levels of every setting, and how agents do on them."""

    def __init__(self, scenario: Scenario, watch: Watch | None = None) -> None:
        self.scenario, self.watch = scenario, watch
        num = max(FEWEST, min(LEVELS, STEPS // scenario.horizon))
        self.levels = {
            name: audit_levels(scenario, setting, stream(root(SEED), f"curves {name}"), num)
            for name, setting in scenario.settings.items()
        }

    def rows(self, policy: Policy, step: int) -> list[Row]:
        """Mean discounted return of every goal, its standard error for the intended one, and what `watch` says."""
        rows: list[Row] = []
        for setting, levels in self.levels.items():
            results = play(self.scenario, policy, levels, stream(root(SEED), f"episodes {setting}"))
            returns = np.asarray(results.returns, np.float64)
            for agent, seed in enumerate(policy.seeds):
                rows += self._of_agent(setting, seed, step, returns[agent])
        for name, numbers in (self.watch(policy) if self.watch else {}).items():
            rows += [Row(seed, step, name, float(value)) for seed, value in zip(policy.seeds, numbers, strict=True)]
        return rows

    def _of_agent(self, setting: str, seed: int, step: int, returns: np.ndarray[Any, Any]) -> Iterable[Row]:
        for number, goal in enumerate(self.scenario.goal_names):
            yield Row(seed, step, f"return/{setting}/{goal}", float(returns[:, number].mean()))
        error = returns[:, 0].std(ddof=1) / len(returns) ** 0.5
        yield Row(seed, step, f"error/{setting}/{self.scenario.goal_names[0]}", float(error))
