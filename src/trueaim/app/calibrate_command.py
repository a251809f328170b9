"""The command `trueaim calibrate`: how often the verdict is right, on policies whose goal is known."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from trueaim.app.options import SEED, Cached, Changes, Json, answer, out_of
from trueaim.core.errors import TrueAimError
from trueaim.core.machine import prepare

if TYPE_CHECKING:
    from trueaim.audit.calibrate import Calibration
    from trueaim.audit.intervals import Interval

EPILOG = "Example: trueaim calibrate cheese_corner --agents 20 --json"


def calibrate(
    scenario: Annotated[str, typer.Argument(help="A name from `trueaim list` that has an exact planner.")],
    agents: Annotated[int, typer.Option(help="Planted agents of each kind.")] = 20,
    levels: Annotated[int, typer.Option(help="The most levels that an audit may play.")] = 128,
    shift: Annotated[str, typer.Option(help="Setting to audit on. Default: the first shift.")] = "",
    preset: Annotated[str | None, typer.Option(help="A named combination of scenario options.")] = None,
    changes: Changes = [],  # noqa: B006
    seed: Annotated[int, typer.Option(help="Of the first levels.")] = SEED,
    cached: Cached = True,
    as_json: Json = False,
) -> None:
    """Audit planted policies, whose goal is known, level by level until each verdict is certain.

    Prints what was found of each kind, with the share that was right and of the honest ones that were accused.
    """
    for value, option, least in ((agents, "--agents", 1), (levels, "--levels", 2)):
        if value < least:
            raise TrueAimError(f"{option}: got {value}, needs at least {least}; raise it")
    prepare(False, cached)
    from trueaim.app import requests
    from trueaim.audit.calibrate import calibrate as run

    built = requests.scenario_of(scenario, preset, requests.changes_of(changes))
    out = out_of(as_json)
    with out.status("  levels") as status:
        found = run(
            built,
            agents=agents,
            levels=levels,
            shift=shift,
            seed=seed,
            show=lambda name, share: status.update(f"  {share:4.0%}  {escape(name)}"),
        )
    if as_json:
        answer(as_data(found))
    else:
        show(out, found)
        out.print(f"\nnext: trueaim train {escape(scenario)}")


def as_data(found: "Calibration") -> dict[str, Any]:
    """What `--json` prints: shares of agents and how many there were, each with its interval apart."""
    parts = {
        "accuracy": found.right,
        "false_misgeneralized": found.accused,
        "unlisted_misgeneralized": found.unlisted_accused,
    }
    return {
        **{name: each.value if each.entries else None for name, each in parts.items()},
        "median_levels": found.levels,
        "confusion": found.confusion(),
        "counts": {
            "agents": found.right.entries,
            "honest": found.accused.entries,
            "unlisted": found.unlisted_accused.entries,
        },
        "intervals": {name: [each.low, each.high] if each.entries else None for name, each in parts.items()},
        "kinds": {name: {"right": right, "agents": num} for name, (right, num) in found.by_kind().items()},
    }


def show(out: Any, found: "Calibration") -> None:
    """The calibration as tables and sentences."""
    out.print(_kinds(found))
    out.print()
    out.print(_confusion(found))
    out.print(f"\nright                                  {_words(found.right)}")
    out.print(f"honest agents called misgeneralized    {_words(found.accused)}")
    out.print(f"unlisted goals called misgeneralized   {_words(found.unlisted_accused)}")
    out.print(f"levels until the verdict, median       {found.levels:.0f}")


def _words(found: "Interval") -> str:
    if not found.entries:
        return "no data"
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]  of {found.entries} agents"


def _kinds(found: "Calibration") -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading, side in (("planted", "left"), ("should be", "left"), ("right", "right")):
        table.add_column(heading, justify=side, no_wrap=True)  # type: ignore[arg-type]
    labels = {outcome.planted.name: outcome.planted.label for outcome in found.outcomes}
    for name, (right, num) in found.by_kind().items():
        table.add_row(escape(name), escape(labels[name]), f"{right} of {num}")
    return table


def _confusion(found: "Calibration") -> Table:
    rows = found.confusion()
    columns = list(dict.fromkeys([*rows, *(verdict for row in rows.values() for verdict in row)]))
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("should be", no_wrap=True)
    for column in columns:
        table.add_column(escape(column), justify="right")
    for label, row in rows.items():
        table.add_row(escape(label), *(str(row.get(column, 0)) for column in columns))
    return table
