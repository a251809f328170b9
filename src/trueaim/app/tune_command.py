"""The command `trueaim tune`: what it takes to bring a run's agents back to the intended goal."""

from pathlib import Path
from typing import Annotated

import typer

from trueaim.app.options import SEED, Cached, Foreign, Json, answer, out_of, start

EPILOG = "Example: trueaim tune runs/cheese_corner-1a2b3c4d --shift anywhere --budget 2048 --picture tuning.png"


def tune(
    run: Annotated[Path, typer.Argument(help="Folder of a trained run.")],
    shift: Annotated[str, typer.Option(help="Setting on whose levels they are tuned. Default: the first shift.")] = "",
    method: Annotated[
        str,
        typer.Option(help="dagger (labels where the agent goes), cloning (where the expert goes), ppo (more steps)."),
    ] = "dagger",
    budget: Annotated[
        int | None, typer.Option(help="Most labels, or steps for ppo, for each agent. Default: 8192, or 2 million.")
    ] = None,
    levels: Annotated[int, typer.Option(help="Held-out levels on which the curve is read.")] = 512,
    seed: Annotated[int, typer.Option(help="Of levels, actions and what is taught.")] = SEED,
    from_scratch: Annotated[
        bool, typer.Option("--scratch/--no-scratch", help="Teach untrained agents too: the yardstick.")
    ] = True,
    picture: Annotated[Path | None, typer.Option(help="File for a picture of the curves, as PNG.")] = None,
    scenario_name: Foreign = None,
    cached: Cached = True,
    as_json: Json = False,
) -> None:
    """Say how many expert labels, or steps, it takes to bring agents back to the intended goal on a shift.

    Agents that pursue another goal but can do the task should need less than agents that never learned anything. The
    run itself is not changed.
    """
    commands = start(cached=cached)
    from trueaim.app import tuning

    _, scenario, policy = commands.loaded(run, scenario_name)
    asked = tuning.Request(shift, method, budget, levels, seed, from_scratch, picture)
    found = tuning.tune(policy, scenario, asked, out_of(as_json))
    if as_json:
        answer({"run": str(run), **found})
