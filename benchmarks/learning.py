"""How fast PPO learns 13x13 mazes with 25% walls, from end to end, and what it reaches."""

import time
from itertools import pairwise
from statistics import median
from typing import Any

from trueaim.app.requests import plan_for
from trueaim.core.machine import prepare
from trueaim.training.curves import Baseline
from trueaim.training.learn import Progress, train
from trueaim.training.plan import Plan


def learning(steps: int = 15_000_000) -> dict[str, Any]:
    """Rates in environment steps a second, and (steps, share of optimal) along the way."""
    prepare()
    plan = plan_for(
        "cheese_corner",
        steps=steps,
        seed=0,
        seeds=1,
        alpha=0.0,
        toward=None,
        preset=None,
        network=None,
        exact=False,
        group=None,
        words=["knob.density=0.25", "scenario.size=13"],
    )
    times: list[tuple[float, int]] = []
    policy = train(plan, show=lambda progress: _note(times, progress))
    pairs = list(pairwise(times[1:]))  # the first chunk compiles
    chunks = [(after[1] - before[1]) / (after[0] - before[0]) for before, after in pairs]
    overall = (times[-1][1] - times[1][1]) / (times[-1][0] - times[1][0])
    optimal = _optimal_mean(plan)
    found, values = policy.record["curves"].series("return/train/cheese", 0)
    shares = [(step, value / optimal) for step, value in zip(found, values, strict=True)]
    return {"overall": overall, "median": median(chunks), "shares": shares[4::5] + shares[-1:]}


def _note(times: list[tuple[float, int]], progress: Progress) -> None:
    times.append((time.perf_counter(), progress.done))


def _optimal_mean(plan: Plan) -> float:
    """The mean optimal return on the levels behind the curves."""
    levels = Baseline(plan.scenario).levels["train"]
    assert plan.scenario.planner is not None
    return float(plan.scenario.planner.optimal(levels)[:, 0].mean())


def main() -> None:
    print(learning())


if __name__ == "__main__":
    main()
