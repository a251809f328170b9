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
    from trueaim.audit.foreign.ambiguity import ForeignAmbiguity
    from trueaim.audit.intervals import Interval

EPILOG = "Example: trueaim ambiguity three_goals --alpha 0.1 --picture ambiguity.svg"
PICTURES = (".png", ".svg")
FEW = 0.1
"""Shares below this are shown with a decimal of a percent."""


def ambiguity(
    scenario: Annotated[
        str,
        typer.Argument(
            help="A name from `trueaim list`, or package.module:NAME: a scenario of your own, or a function that gives "
            "one or (policy, scenario)."
        ),
    ],
    alpha: Annotated[float, typer.Option(help="Share of training levels from a shift setting, 0 to 1.")] = 0.0,
    toward: Annotated[str | None, typer.Option(help="Shift setting that alpha draws from. Default: the first.")] = None,
    levels: Annotated[
        int | None,
        typer.Option(help="Levels drawn from each distribution. Default: 1,024; of your own environment 256."),
    ] = None,
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
    In an environment of your own, policies given as references stand for the optimal ones; without them it says how far
    the goals' returns go together in what random actions (and the policy, if there is one) do.
    """
    if picture is not None and picture.suffix not in PICTURES:
        raise TrueAimError(f"--picture: got {picture.name!r}, needs a name that ends in .svg or .png; change it")
    prepare(False, cached)
    from trueaim.app.ambiguity import ambiguity as audit
    from trueaim.audit.ambiguity import Ambiguity
    from trueaim.core.files import replace
    from trueaim.report.ambiguity import picture as draw

    policy, built = _named(scenario, preset, changes)
    out = out_of(as_json)
    with out.status("  levels") as status:
        found = audit(
            built,
            policy,
            levels,
            alpha=alpha,
            toward=toward,
            matters=matters,
            seed=seed,
            show=lambda stage: status.update(f"  {escape(stage)}"),
        )
    if picture is not None:
        replace(picture, draw(found, picture.suffix.removeprefix(".")))
    if as_json:
        answer(as_data(found) | ({} if picture is None else {"picture": str(picture)}))
        return
    if isinstance(found, Ambiguity):
        show(out, found)
        todo = f"trueaim train {scenario}"
    else:
        show(out, found.measured)
        show_agreement(out, found)
        todo = "train, then trueaim audit my_module:make_audit"
    out.print(f"next: {todo}" if picture is None else f"picture  {picture}", markup=False)


def as_data(found: "Ambiguity | ForeignAmbiguity") -> dict[str, Any]:
    """The audit as one JSON object; in someone else's environment with how far returns went together."""
    data: dict[str, Any] = plain(found)
    return data.pop("measured") | data if "measured" in data else data


def _named(name: str, preset: str | None, changes: list[str]) -> tuple[Any, Any]:
    """The scenario of that name, and the policy that comes with it, if one does."""
    from trueaim.app import requests
    from trueaim.core.scenario import Scenario

    policy, found = _made(name) if ":" in name else (None, None)
    if found is None or isinstance(found, Scenario):
        return None, requests.scenario_of(name, preset, requests.changes_of(changes))
    if preset is not None or changes:
        raise TrueAimError(f"{name}: got --preset or --set, needs a scenario of TrueAim for them; leave them out")
    return policy, found


def _made(named: str) -> tuple[Any, Any]:
    """A policy (or None) and a scenario from a user's module: the scenario itself, or what a function gives.

    Nothing where the function needs options, as only those of scenarios of TrueAim get them.
    """
    import importlib
    import inspect
    import os
    import sys

    from trueaim.audit.foreign.scenario import GymScenario, Recorded
    from trueaim.core.scenario import Scenario

    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    module, _, attribute = named.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # the module is someone else's code
        raise TrueAimError(f"scenario: got {named!r}, which cannot be imported ({error}); check the spelling") from None
    if inspect.isfunction(found):
        if any(each.default is each.empty for each in inspect.signature(found).parameters.values()):
            return None, None
        try:
            found = found()
        except TrueAimError:
            raise
        except Exception as error:
            raise TrueAimError(f"{named}: it failed with {type(error).__name__}: {error}; call it yourself") from error
    policy, scenario = found if isinstance(found, tuple) and len(found) == 2 else (None, found)
    if not isinstance(scenario, Scenario | GymScenario | Recorded):
        raise TrueAimError(
            f"{named}: got {type(scenario).__name__} from it, needs a scenario; return one, or (policy, scenario)"
        )
    return policy, scenario


def show(out: Any, found: "Ambiguity") -> None:
    """The audit as tables and sentences."""
    mixed = f", {found.alpha:.0%} of them {found.toward}" if found.alpha else ""
    out.print(f"[bold]ambiguity[/] {escape(found.scenario)}  {found.levels} training levels{escape(mixed)}\n")
    if found.pairs:
        out.print(_pairs(found))
        luck = "with the best and worst luck" if found.is_exact else "by the best and the worst policy known"
        out.print(f"[dim]tell apart, may, never: shares of levels; lost: of the judged return, {luck}[/]")
    for group in found.groups:
        out.print(f"\n[bold]no level tells apart[/] {escape(', '.join(group))}")
    if found.pairs and not found.groups:
        out.print("\nno two goals are the same on all levels")
    if found.breaking:
        out.print(f"\nshift levels in training with which the best policy for a rival loses {found.matters:.0%}, and")
        out.print("what it loses in training, on the shift alone, and then")
        out.print(_breaking(found))
    for sentence in found.missing:
        out.print(f"[yellow]note[/] {escape(sentence)}")


def show_agreement(out: Any, found: "ForeignAmbiguity") -> None:
    """How far the goals went together in what was played; of references only where they say nothing better."""
    rows = [one for one in found.agreement if not (found.measured.pairs and one.player.startswith("reference for "))]
    table = _empty("setting", "player", "goals", "both", "one", "other", "correlation")
    for one in rows:
        numbers = (_percent(one.both), str(one.only_one), str(one.only_other), _decimal(one.correlation))
        table.add_row(escape(one.setting), escape(one.player), escape(f"{one.one}, {one.other}"), *numbers)
    out.print("\nhow far goals went together in what was played (weaker evidence)")
    out.print(table)
    out.print("[dim]both: paid, of the episodes in which one did; one, other: episodes in which it alone paid;[/]")
    out.print("[dim]correlation: of the two returns over episodes[/]")


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
        is_text = heading in ("pursued", "judged", "rival", "shift", "setting", "player", "goals")
        table.add_column(heading, justify="left" if is_text else "right", overflow="fold")
    return table


def _percent(number: "Interval", digits: int = 0) -> str:
    if not math.isfinite(number.value):
        return "no data"
    bounds = f" [{100 * number.low:.{digits}f}, {100 * number.high:.{digits}f}]" if math.isfinite(number.low) else ""
    return f"{number.value:.{digits}%}{bounds}"


def _decimal(number: "Interval") -> str:
    if not math.isfinite(number.value):
        return "no data"
    return f"{number.value:.2f} [{number.low:.2f}, {number.high:.2f}]"


def _plain(number: "Interval") -> str:
    return f"{number.value:.0%}" if math.isfinite(number.value) else "no data"
