"""The command `trueaim ambiguity`: what a training distribution leaves open, before anything is trained."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from trueaim.app.options import SEED, Cached, Changes, Json, answer, out_of
from trueaim.core.documents import plain
from trueaim.core.errors import TrueAimError
from trueaim.core.machine import prepare

if TYPE_CHECKING:
    from trueaim.audit.ambiguity import Ambiguity, Breaking
    from trueaim.audit.intervals import Interval

EPILOG = "Example: trueaim ambiguity three_goals --alpha 0.1 --picture ambiguity.svg"
PICTURES = (".png", ".svg")
FEW = 0.1
"""Shares below this are shown with a decimal of a percent."""


def ambiguity(
    scenario: Annotated[str, typer.Argument(help="A name from `trueaim list`, or package.module:NAME.")],
    alpha: Annotated[float, typer.Option(help="Share of training levels from a shift setting, 0 to 1.")] = 0.0,
    toward: Annotated[str | None, typer.Option(help="Shift setting that alpha draws from. Default: the first.")] = None,
    levels: Annotated[int, typer.Option(help="Levels drawn from each distribution.")] = 1024,
    matters: Annotated[float, typer.Option(help="Share of the intended return whose loss matters.")] = 0.1,
    preset: Annotated[str | None, typer.Option(help="A named combination of scenario options.")] = None,
    changes: Changes = [],  # noqa: B006
    seed: Annotated[int, typer.Option(help="Of the levels.")] = SEED,
    picture: Annotated[Path | None, typer.Option(help="File for a picture of both matrices: .svg or .png.")] = None,
    cached: Cached = True,
    as_json: Json = False,
) -> None:
    """Say which goals a scenario's training levels cannot tell apart, and what would tell them apart.

    For every two goals: on how many levels they part, and what a policy that is optimal for the one loses of the other.
    Then, for every rival: what share of levels from a shift would make pursuing it cost enough to matter.
    """
    if picture is not None and picture.suffix not in PICTURES:
        raise TrueAimError(f"--picture: got {picture.name!r}, needs a name that ends in .svg or .png; change it")
    prepare(False, cached)
    from trueaim.app import requests
    from trueaim.audit.ambiguity import ambiguity as audit
    from trueaim.core.files import replace
    from trueaim.report.ambiguity import picture as draw

    built = requests.scenario_of(scenario, preset, requests.changes_of(changes))
    out = out_of(as_json)
    with out.status("  levels") as status:
        found = audit(
            built,
            levels=levels,
            alpha=alpha,
            toward=toward,
            matters=matters,
            seed=seed,
            show=lambda stage: status.update(f"  {escape(stage)}"),
        )
    if picture is not None:
        replace(picture, draw(found, picture.suffix.removeprefix(".")))
    if as_json:
        answer(plain(found) | ({} if picture is None else {"picture": str(picture)}))
        return
    show(out, found)
    out.print(f"next: trueaim train {scenario}" if picture is None else f"picture  {picture}", markup=False)


def show(out: Any, found: "Ambiguity") -> None:
    """The audit as tables and sentences."""
    mixed = f", {found.alpha:.0%} of them {found.toward}" if found.alpha else ""
    out.print(f"[bold]ambiguity[/] {escape(found.scenario)}  {found.levels} training levels{escape(mixed)}\n")
    out.print(_pairs(found))
    out.print(
        "[dim]tell apart, may, never: shares of levels; lost: of the judged return, with the best and worst luck[/]"
    )
    for group in found.groups:
        out.print(f"\n[bold]no level tells apart[/] {escape(', '.join(group))}")
    if not found.groups:
        out.print("\nno two goals are the same on all levels")
    if found.breaking:
        out.print(f"\nshift levels in training with which the best policy for a rival loses {found.matters:.0%}, and")
        out.print("what it loses in training, on the shift alone, and then")
        out.print(_breaking(found))
    for sentence in found.missing:
        out.print(f"[yellow]note[/] {escape(sentence)}")


def _pairs(found: "Ambiguity") -> Table:
    table = _empty("pursued", "judged", "tell apart", "may", "never", "lost", "at worst", "left out")
    for pair in found.pairs:
        table.add_row(
            escape(pair.pursued),
            escape(pair.judged),
            _percent(pair.necessarily),
            _plain(pair.possibly),
            _plain(pair.non),
            _percent(pair.least),
            _plain(pair.most),
            str(pair.unsolvable),
        )
    return table


def _breaking(found: "Ambiguity") -> Table:
    table = _empty("rival", "shift", "in training", "on shift", "needed", "lost then")
    for each in found.breaking:
        numbers = (_percent(each.in_training), _percent(each.on_shift), _needed(each), _percent(each.check))
        table.add_row(escape(each.rival), escape(each.setting), *numbers)
    return table


def _needed(breaking: "Breaking") -> str:
    if breaking.share.value == 0:
        return "none"
    if not math.isfinite(breaking.share.value):
        return "no share does"
    return _percent(breaking.share, 0 if breaking.share.value >= FEW else 1)


def _empty(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in headings:
        is_text = heading in ("pursued", "judged", "rival", "shift")
        table.add_column(heading, justify="left" if is_text else "right", overflow="fold")
    return table


def _percent(number: "Interval", digits: int = 0) -> str:
    if not math.isfinite(number.value):
        return "no data"
    bounds = f" [{100 * number.low:.{digits}f}, {100 * number.high:.{digits}f}]" if math.isfinite(number.low) else ""
    return f"{number.value:.{digits}%}{bounds}"


def _plain(number: "Interval") -> str:
    return f"{number.value:.0%}" if math.isfinite(number.value) else "no data"
