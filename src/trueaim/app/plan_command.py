"""The command `trueaim plan`: how many seeds and levels an audit needs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from trueaim.app.options import Foreign, Json, answer, out_of
from trueaim.core.machine import prepare

EPILOG = "Example: trueaim plan --difference 0.2 --power 0.9 --like runs/cheese_corner-1a2b3c4d"


def plan(
    difference: Annotated[float, typer.Option(help="Of mean shares of the intended return, 0 to 1.")] = 0.2,
    power: Annotated[float, typer.Option(help="Wanted chance to see a difference of that size.")] = 0.9,
    seeds: Annotated[int | None, typer.Option(help="Agents of each kind, if settled: how many levels?")] = None,
    levels: Annotated[int | None, typer.Option(help="Distinguishing levels, if settled: how many agents?")] = None,
    alpha: Annotated[float, typer.Option(help="Chance to see a difference where there is none.")] = 0.05,
    design: Annotated[
        str, typer.Option(help="paired (two kinds on the same levels), separate, or alone (against a known share).")
    ] = "paired",
    like: Annotated[Path | None, typer.Option(help="An audited run: take the variances from its episodes.")] = None,
    setting: Annotated[str | None, typer.Option(help="Shift of that run. Default: the first.")] = None,
    scenario_name: Foreign = None,
    as_json: Json = False,
) -> None:
    """Say how many seeds and levels an audit needs to see a difference.

    Variances between agents, between levels and of the rest are those of a run (--like), or cautious ones from the
    demonstrations in docs/scenarios. Also: levels for a bound without a failure, and what sequential tests take.
    """
    prepare()
    from trueaim.app import planning
    from trueaim.core.run import Place

    kind: Any = design
    question = planning.Question(difference, power, alpha, kind, seeds, levels)
    planning.check(question)
    parts, source = planning.USUAL, "cautious for the demonstrations in docs/scenarios; --like RUN for your own"
    if like is not None:
        parts, source = planning.measured(Place(like), scenario_name, setting)
    found = planning.plans(question, parts)
    if as_json:
        answer(planning.as_data(question, parts, source, found))
    else:
        planning.show(out_of(False), question, parts, source, found)
