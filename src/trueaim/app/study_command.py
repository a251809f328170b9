"""The commands `trueaim study ...`: many agents over a grid of values, by as many processes as there are."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from trueaim.app.options import Json, Runs, answer, out_of
from trueaim.core.errors import TrueAimError, unknown_name
from trueaim.core.machine import prepare

app = typer.Typer(
    help="Run a study over settings and seeds from one file, and read what it found.",
    epilog="Begin with: trueaim study run studies/corner_alpha.toml",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
EXECUTORS = ("local", "ray", "slurm")
GROUP = 8
"""Agents in one program on an accelerator, unless the file says otherwise."""
File = Annotated[Path, typer.Argument(help="The study file, in TOML.")]
Folder = Annotated[Path, typer.Argument(help="Folder of a study, or its file.")]
Named = Annotated[
    list[str], typer.Option("--scenario", help="package.module:NAME that the file names and that you trust.")
]


@app.command(epilog="Example: trueaim study run studies/corner_alpha.toml --workers 2")
def run(
    file: File,
    runs: Runs = Path("runs"),
    workers: Annotated[
        int | None, typer.Option(help="Processes at a time. Default: one for each core, or for each GPU.")
    ] = None,
    executor: Annotated[str, typer.Option(help="Where they run: local, ray or slurm.")] = "local",
    address: Annotated[
        str | None, typer.Option(help="Of the Ray cluster, such as auto. Default: one on this machine.")
    ] = None,
    slurm: Annotated[
        list[str], typer.Option(help="For submitit: partition=gpu, timeout_min=240, gpus_per_node=1, ...")
    ] = [],  # noqa: B006
    gpus: Annotated[str, typer.Option(help="Numbers of the GPUs to share out, such as 0,1. Default: none.")] = "",
    plan: Annotated[bool, typer.Option("--plan", help="Say what would be done, and do nothing.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Try failed jobs again.")] = False,
    over_budget: Annotated[
        bool, typer.Option("--over-budget", help="Go on although the file's budget is too small.")
    ] = False,
    allow_drift: Annotated[
        bool, typer.Option("--allow-drift", help="Continue although versions or the machine changed.")
    ] = False,
    scenario_names: Named = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Run a study; the same command given again continues where it was stopped, and does nothing twice.

    Seeds and values may be added to the file later: then only the new jobs run.
    """
    devices = [_number("--gpus", word) for word in gpus.split(",") if word.strip()]
    if workers is not None and workers < 1:
        raise TrueAimError(f"--workers: got {workers}, needs at least 1; raise it")
    if not devices and not slurm:
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
    prepare()
    from trueaim.app import study_running
    from trueaim.studies.file import read

    study = read(file)
    on_gpus = bool(devices) or any(word.startswith("gpus_per_node=") for word in slurm)
    wanted = study_running.Wanted(GROUP if on_gpus else 1, scenario_names, allow_drift, over_budget, again)
    found: dict[str, Any] = study_running.plan(study, wanted.trusted, wanted.group)
    out = out_of(as_json)
    if not plan:
        folder = study_running.folder_of(study, runs)
        where = _executor(executor, workers, devices, address, slurm, folder.path)
        found = study_running.run_study(file, study, folder, where, wanted, out)
        out.print(f"next:   trueaim study report {folder.path}", markup=False)
    else:
        out.print(f"{found['cells']:,} cells, {found['jobs']:,} jobs, {found['steps']:,} steps", markup=False)
    if as_json:
        answer(found)
    if found.get("failed"):
        raise typer.Exit(3)


@app.command(epilog="Example: trueaim study status runs/corner_alpha --jobs")
def status(
    study: Folder,
    jobs: Annotated[bool, typer.Option("--jobs", help="List every job.")] = False,
    runs: Runs = Path("runs"),
    as_json: Json = False,
) -> None:
    """Say how far a study is: what is done, under way, open and failed, and why."""
    from trueaim.app import studying

    folder = _folder(study, runs)
    record, standing = studying.status(folder)
    listed = studying.listing(folder, record) if jobs else []
    if as_json:
        answer(studying.summary(folder, standing) | ({"list": listed} if jobs else {}))
        return
    typer.echo("\n".join(studying.lines(folder, standing)))
    for job in listed:
        typer.echo("  ".join(f"{name}={value}" for name, value in job.items()))
    typer.echo(f"next: trueaim study report {folder.path}")


@app.command(epilog="Example: trueaim study report runs/corner_alpha --to docs/studies")
def report(
    study: Folder,
    to: Annotated[Path | None, typer.Option(help="Folder for page and pictures. Default: in the study's.")] = None,
    runs: Runs = Path("runs"),
    as_json: Json = False,
) -> None:
    """Write what a study found: every declared number with intervals over seeds, figures, half effects, verdicts."""
    from trueaim.app import study_pages

    folder = _folder(study, runs)
    path, text = study_pages.report(folder, to, study.name if study.is_file() else f"{folder.path}/study.toml")
    if as_json:
        answer({"page": str(path)})
    else:
        typer.echo(text)
        out_of(False).print(f"page    {path}", markup=False)


@app.command(epilog="Example: trueaim study export runs/corner_alpha results.parquet")
def export(
    study: Folder,
    to: Annotated[Path, typer.Argument(help="File that ends in .parquet or .csv.")],
    runs: Runs = Path("runs"),
    as_json: Json = False,
) -> None:
    """Write all results of a study into one table: a row for each seed, setting and goal."""
    from trueaim.app import study_pages

    num = study_pages.export(_folder(study, runs), to)
    if as_json:
        answer({"file": str(to), "rows": num})
    else:
        typer.echo(f"{to}: {num:,} rows")


def _folder(study: Path, runs: Path) -> Any:
    """The folder of a study, from the folder or the file."""
    from trueaim.studies.file import read
    from trueaim.studies.folder import StudyFolder

    return StudyFolder(runs / read(study).name if study.is_file() else study)


def _number(option: str, word: str) -> int:
    if not word.strip().isdigit():
        raise TrueAimError(f"{option}: got {word!r}, needs whole numbers with commas between; change it")
    return int(word)


def _executor(
    kind: str, workers: int | None, gpus: list[int], address: str | None, slurm: list[str], folder: Path
) -> Any:
    """Where workers run, from the words of the command line."""
    from trueaim.studies import executors, remote

    slots = workers or len(gpus) or len(os.sched_getaffinity(0))
    if kind not in EXECUTORS:
        raise unknown_name("--executor", kind, EXECUTORS)
    if kind == "ray":
        return remote.OnRay(slots, address, gpus=1 if gpus else 0)
    if kind == "slurm":
        return remote.OnSlurm(slots, folder / "slurm", dict(map(_parameter, slurm)))
    return executors.Local(slots, gpus)


def _parameter(word: str) -> tuple[str, str | int]:
    """`timeout_min=240` as a pair; what submitit does not know by itself is SLURM's own."""
    name, equals, value = word.partition("=")
    if not equals or not name:
        raise TrueAimError(f"--slurm: got {word!r}, needs the form name=value; for example --slurm timeout_min=240")
    shared = ("timeout_min", "mem_gb", "gpus_per_node", "cpus_per_task", "nodes", "tasks_per_node", "name")
    known = name if name in shared or name.startswith("slurm_") else f"slurm_{name}"
    return known, int(value) if value.isdigit() else value
