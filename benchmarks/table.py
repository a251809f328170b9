"""The table of speeds: `make bench` prints it.

The environment alone is measured on one core, in a process of its own, since a second XLA thread slows small loops
down; everything else uses all cores.
"""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
KINDS = {"planes": "boolean observation", "cells": "small-integer observation", "none": "no observation"}


def measured(script: str, **environ: str) -> dict[str, Any]:
    """What a snippet prints as JSON when it runs in a process of its own."""
    code = f"import json, sys; sys.path.insert(0, {str(HERE)!r})\n{script}"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environ, capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def line(what: str, figure: float, unit: str, goal: str) -> None:
    """One line of the table."""
    print(f"{what:58}{figure:14,.2f} {unit:14}{goal}" if figure < 10 else f"{what:58}{figure:14,.0f} {unit:14}{goal}")


def environment_lines() -> None:
    """Steps, levels and distance maps a second on 13x13 maps."""
    script = """
from environment import environment_rate, generation_rate
from grid_kernels import distance_rate
found = {kind: environment_rate(kind).middle for kind in ("planes", "cells", "none")}
found |= {layout: generation_rate(layout).middle for layout in ("blocks", "kruskal")}
found["distances"] = distance_rate().middle
print(json.dumps(found))
"""
    found = measured(f"import os; os.sched_setaffinity(0, {{min(os.sched_getaffinity(0))}})\n{script}")
    for kind, goal in (("planes", 40e6), ("cells", 70e6), ("none", 120e6)):
        line(f"cheese_corner 13x13, batch 1,024, {KINDS[kind]}, 1 core", found[kind], "steps/s", f">= {goal:,.0f}")
    line("distance maps from one target, 13x13, 1 core", found["distances"], "maps/s", ">= 1,000,000")
    line("levels, 13x13 blocks, 1 core", found["blocks"], "levels/s", ">= 600,000")
    line("levels, 13x13 tree mazes, 1 core", found["kruskal"], "levels/s", ">= 200,000")


PEERS = {
    "cheese_dish": 22e6,
    "lava": 22e6,
    "follow_leader": 17e6,
    "keys_chests": 10e6,
}
"""Steps a second that beat the known JAX peer's world of the same kind on two cores."""
LEAST = 3e6


def scenario_lines() -> None:
    """Steps a second of every scenario, on one core and on two: one process with half the environments on each."""
    script = """
from environment import environment_rate
from trueaim import scenarios
print(json.dumps({b.__name__: environment_rate("cells", name=b.__name__, batch=BATCH).middle for b in scenarios.ALL}))
"""
    pinned = "import os; os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[CORE]})\n" + script
    alone = measured(pinned.replace("CORE", "0").replace("BATCH", "1024"))
    halves = [pinned.replace("CORE", core).replace("BATCH", "512") for core in ("0", "-1")]
    with ThreadPoolExecutor(2) as both:
        first, second = both.map(measured, halves)
    for name, rate in alone.items():
        goal = f">= {PEERS.get(name, LEAST):,.0f}"
        line(f"{name} 13x13, batch 1,024, 1 core", rate, "steps/s", "")
        line(f"{name} 13x13, 2 processes of 512, 2 cores", first[name] + second[name], "steps/s", goal)


def learning_lines() -> None:
    """PPO from end to end, and what it reaches."""
    found = measured("from learning import learning; print(json.dumps(learning()))")
    line("PPO 13x13, 25% blocks, default network, curves included", found["overall"], "steps/s", ">= 150,000")
    line("PPO 13x13, 25% blocks, default network, median chunk", found["median"], "steps/s", "")
    for steps, share in found["shares"]:
        line(f"  return / optimal in distribution after {steps / 1e6:.1f} M steps", share, "", ">= 0.85 by 15 M")


def verdict_lines() -> None:
    """A full verdict with goal inference."""
    whole, exact, plans = measured("from verdict import verdict_seconds; print(json.dumps(verdict_seconds()))")
    line("verdict, color_shape 13x13, 5 goals, 7 x 1,024 levels", whole, "s", "<= 20")
    line("  of it exact returns and level classes", exact, "s", "")
    line("  of it plans that decisions are held against", plans, "s", "")


def main() -> None:
    print(f"{'what':58}{'median':>14} {'':14}goal")
    environment_lines()
    scenario_lines()
    learning_lines()
    verdict_lines()


if __name__ == "__main__":
    main()
