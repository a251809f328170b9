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


def pinned(script: str, core: str) -> str:
    """A snippet that runs on one core alone."""
    return f"import os; os.sched_setaffinity(0, {{sorted(os.sched_getaffinity(0))[{core}]}})\n{script}"


def on_both_cores(script: str) -> tuple[dict[str, Any], ...]:
    """What two processes print that run at once, each on a core of its own."""
    with ThreadPoolExecutor(2) as both:
        return tuple(both.map(measured, [pinned(script, core) for core in ("0", "-1")]))


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
    found = measured(pinned(script, "0"))
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
NOTES = {
    "steps": "window of 13x13, new levels included",
    "levels": "hard levels",
    "pictures": "64x64x3 from notes",
}


def scenario_lines() -> None:
    """Steps a second of every scenario, on one core and on two: one process with half the environments on each."""
    script = """
from environment import environment_rate
from trueaim import scenarios
names = [name for name in scenarios.NAMES if "size" in scenarios.options_of(name)]
print(json.dumps({name: environment_rate("cells", name=name, batch=BATCH).middle for name in names}))
"""
    alone = measured(pinned(script, "0").replace("BATCH", "1024"))
    first, second = on_both_cores(script.replace("BATCH", "512"))
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


def coinrun_lines() -> None:
    """CoinRun: its steps, levels and pictures on two cores, one process on each, and training in one process."""
    script = """
from coinrun import generation_rate, stepping_rate
from pictures import all_rates
found = {"steps": stepping_rate(BATCH // 2).middle, "levels": generation_rate().middle}
print(json.dumps(found | {"pictures": all_rates()["pictures from notes, 256 at once"].middle}))
"""
    first, second = on_both_cores(script.replace("BATCH", "1024"))
    for what, unit, goal in (("steps", "steps/s", 1.5e6), ("levels", "levels/s", 1e5), ("pictures", "frames/s", 2e5)):
        total = first[what] + second[what]
        line(f"coinrun, {NOTES[what]}, 2 processes, 2 cores", total, unit, f">= {goal:,.0f}")
    rate = measured("from coinrun import learning_rate; print(json.dumps(learning_rate()))")
    line("coinrun, PPO from symbols, curves included", rate, "steps/s", ">= 40,000")


def arena_lines() -> None:
    """The spheres: steps with observation and levels on two cores, one process on each."""
    script = """
from arena import generation_rate, stepping_rate
print(json.dumps({"steps": stepping_rate().middle, "levels": generation_rate().middle}))
"""
    first, second = on_both_cores(script)
    for what, unit, goal in (("steps", "steps/s", 1.2e6), ("levels", "levels/s", 5e3)):
        line(f"spheres, {what}, 2 processes, 2 cores", first[what] + second[what], unit, f">= {goal:,.0f}")


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
    coinrun_lines()
    arena_lines()
    learning_lines()
    verdict_lines()


if __name__ == "__main__":
    main()
