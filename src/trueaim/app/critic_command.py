"""The command `trueaim critic`: what a run's critic values, and whether its actor goes on past it."""

from pathlib import Path
from typing import Annotated

import typer

from trueaim.app.options import SEED, Cached, Foreign, Json, answer, out_of, start

EPILOG = "Example: trueaim critic runs/coinrun-1a2b3c4d --setting permeable --hide coin"


def critic(
    run: Annotated[Path, typer.Argument(help="Folder of a trained run.")],
    setting: Annotated[str, typer.Option(help="On whose levels. Default: where every stage can be come to.")] = "",
    hide: Annotated[
        str,
        typer.Option(help="Hidden on twins of the levels: a thing, a goal, knob values (hidden=1), or nothing."),
    ] = "",
    levels: Annotated[int, typer.Option(help="Held-out levels.")] = 256,
    seed: Annotated[int, typer.Option(help="Of levels and actions.")] = SEED,
    scenario_name: Foreign = None,
    cached: Cached = True,
    as_json: Json = False,
) -> None:
    """Say what agents' critic values by stage of an episode, and whether they go on to where it expects less.

    Each level is played along with a twin on which something is hidden, and the critic is asked about both. The answer
    and a picture of it are kept in the run's folder.
    """
    commands = start(cached=cached)
    from trueaim.app.critic import Request, ask

    place, scenario, policy = commands.loaded(run, scenario_name)
    found = ask(place, policy, scenario, Request(setting, hide, levels, seed), out_of(as_json))
    if as_json:
        answer(found)
