"""What a run's critic says, for people and programs: as a table, and as JSON and a picture in the run's folder."""

import hashlib
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from trueaim.audit.critic import LEVELS, SEED, Critic, Point, Stage, Tie, asked
from trueaim.audit.critic import critic as of_critic
from trueaim.audit.intervals import Interval
from trueaim.audit.valued import NOTHING_HIDDEN
from trueaim.core.documents import encode_json, plain
from trueaim.core.errors import DamagedError, TrueAimError
from trueaim.core.files import replace, write_json
from trueaim.core.lock import hold
from trueaim.core.machine import prepare
from trueaim.core.policy import Policy
from trueaim.core.reading import read_json
from trueaim.core.run import Place
from trueaim.core.scenario import Scenario
from trueaim.report.critic import stages as draw

SCHEMA_VERSION = 1
HASH = "content_sha256"
"""Where the file, which no other file names, keeps the SHA-256 of its other entries."""


class Request(NamedTuple):
    """What was asked for.

    Attributes:
        setting: its name; "" for the scenario's choice.
        hide: what is hidden on the twins; "" for the scenario's choice.
        levels: held-out levels.
        seed: of levels and actions.
    """

    setting: str = ""
    hide: str = ""
    levels: int = LEVELS
    seed: int = SEED


def critic(
    policy: Any, scenario: Scenario, setting: str = "", *, hide: str = "", levels: int = LEVELS, seed: int = SEED
) -> Critic:
    """What a policy's critic says by stage, and whether the actor goes on to where it says less.

    Args:
        policy: from `trueaim.train` or `trueaim.policy`, with a critic.
        scenario: from `trueaim.scenario`.
        setting: name; by default the one in which all stages can be come to, else the first shift.
        hide: what is hidden on the twins of the levels; by default the first thing that can be.
        levels: held-out levels.
        seed: of levels and actions.

    Raises:
        TrueAimError: no critic, fewer than 2 levels, unknown names, or knobs that change a layout.
    """
    prepare()
    if not isinstance(policy, Policy):
        raise TrueAimError(
            f"policy: got {type(policy).__name__}, needs one that acts on {scenario.name}; take one from trueaim.train"
        )
    return of_critic(policy, scenario, setting, hide=hide, levels=levels, seed=seed)


def ask(place: Place, policy: Policy, scenario: Scenario, request: Request, out: Console) -> dict[str, Any]:
    """What a run's critic says: kept in its folder, with a picture, shown, and given back as `--json` prints it.

    The same request is answered from the folder.

    Raises:
        TrueAimError: as `critic`; DamagedError: what was kept is not what was written.
    """
    setting, hide = asked(scenario, request.setting, request.hide)
    wanted = request._replace(setting=setting, hide=hide)
    path = file_of(place, wanted)
    seeing = "" if hide == NOTHING_HIDDEN else f", {escape(hide)} in view and hidden"
    heading = f"[bold]critic[/] {escape(policy.name)}  {len(policy.seeds)} agent(s)  on {escape(setting)}{seeing}"
    out.print(heading)
    found = kept(path, wanted)
    with out.status(f"  {request.levels} levels"), hold(place.folder):
        if found is None:
            found = of_critic(policy, scenario, setting, hide=hide, levels=request.levels, seed=request.seed)
            content = {"schema_version": SCHEMA_VERSION, "asked": wanted._asdict(), "found": plain(found)}
            write_json(path, content | {HASH: _hash(content)})
        replace(path.with_suffix(".png"), draw(found))
    show(out, found)
    out.print(f"\nsaved  {path}\nnext:  open {path.with_suffix('.png')}", markup=False, soft_wrap=True)
    return {
        "run": str(place.folder),
        "asked": wanted._asdict(),
        **plain(found),
        "sentences": found.sentences,
        "saved": str(path),
        "picture": str(path.with_suffix(".png")),
    }


def file_of(place: Place, request: Request) -> Path:
    """Where the answer to a request is kept: one file for each setting and thing that is hidden."""
    words = re.findall(r"[\w.]+", f"{request.setting} {request.hide}")
    return place.folder / f"{'-'.join(['critic', *words])}.json"


def kept(path: Path, request: Request) -> Critic | None:
    """What was found for the same request; None where there is none.

    Raises:
        DamagedError: the file is not what was written.
    """
    if not path.exists():
        return None
    content = read_json(path)
    damaged = DamagedError(f"{path} is damaged: its content is not what its hash says; remove it and ask again")
    if not isinstance(content, dict) or content.pop(HASH, None) != _hash(content):
        raise damaged
    if content.get("schema_version") != SCHEMA_VERSION or content.get("asked") != request._asdict():
        return None
    try:
        return read(content["found"])
    except (KeyError, TypeError, ValueError):
        raise damaged from None


def read(data: Mapping[str, Any]) -> Critic:
    """A critic from its JSON; null becomes NaN."""
    whole = _with_intervals(data)
    for name, kind in (("stages", Stage), ("curve", Point), ("ties", Tie)):
        whole[name] = tuple(kind(**_with_intervals(one)) for one in data[name])
    return Critic(**whole)


def _with_intervals(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _interval(part) if _is_interval(part) else part for name, part in data.items()}


def _is_interval(part: Any) -> bool:
    return isinstance(part, dict) and set(part) == set(Interval._fields)


def _interval(data: Mapping[str, Any]) -> Interval:
    numbers: dict[str, Any] = {name: math.nan if part is None else part for name, part in data.items()}
    return Interval(**numbers)


def _hash(content: Any) -> str:
    return hashlib.sha256(encode_json(content, "critic")).hexdigest()


def show(out: Console, found: Critic) -> None:
    """The stages as tables, then the numbers about the way and the goals, then sentences."""
    hides = found.hidden != NOTHING_HIDDEN
    out.print(table(found, "steps", {"all steps": "value", **({"not in view": "unseen"} if hides else {})}))
    if hides:
        out.print(f"\nsteps with {escape(found.hidden)} in view, as they are and with it hidden")
        out.print(table(found, "in view", {name: name for name in ("seen", "hidden", "difference")}))
    out.print(f"\nrise over the way {_plain(found.slope)}   highest at progress {_plain(found.peak)}")
    ties = ", ".join(f"{escape(tie.goal)} {_plain(tie.correlation)}" for tie in found.ties)
    out.print(f"goes with what is still to come of: {ties}")
    out.print(f"[dim]{found.idle:,} steps left out, after which agents came no further[/]")
    for sentence in found.sentences:
        out.print(f"\n{escape(sentence)}")


def table(found: Critic, count: str, columns: Mapping[str, str]) -> Table:
    """A row for each stage.

    Args:
        found: the critic.
        count: what steps are counted, as a heading: "steps" for all, else those with something in view.
        columns: by heading, which interval of `Stage`.
    """
    shown = Table(box=None, pad_edge=False, header_style="dim")
    for word in ("stage", count, *columns):
        shown.add_column(word, justify="left" if word == "stage" else "right", overflow="fold")
    for stage in found.stages:
        steps = stage.frames if count == "steps" else stage.in_view
        shown.add_row(escape(stage.name), f"{steps:,}", *(_plain(getattr(stage, name)) for name in columns.values()))
    return shown


def _plain(interval: Interval) -> str:
    if math.isnan(interval.value):
        return "no data"
    value, low, high = (round(number, 2) + 0.0 for number in interval[:3])  # the sum makes -0.0 plain
    return f"{value:.2f}" + ("" if math.isnan(low) else f" [{low:.2f}, {high:.2f}]")
