"""How a study stands, without loading what training needs."""

from typing import Any

from trueaim.studies.claims import Watcher
from trueaim.studies.folder import Record, StudyFolder, read_record
from trueaim.studies.running import Standing, Tally

MOST_SHOWN = 8
"""Jobs under way, or failed, that are named."""


def status(folder: StudyFolder) -> tuple[Record, Standing]:
    """How a study stands; reads no results."""
    record = read_record(folder)
    return record, Tally(folder, record.jobs).standing(Watcher(folder), with_seconds=False)


def summary(folder: StudyFolder, standing: Standing) -> dict[str, Any]:
    """How a study stands, for a program."""
    return {
        "study": str(folder.path),
        "jobs": {str(state): count for state, count in standing.states.items()},
        "steps": {"done": standing.done_steps, "total": standing.total_steps},
        "running": [
            {"job": name, "worker": worker, "done": done, "total": total}
            for name, worker, done, total in standing.running
        ],
        "failed": standing.failed,
    }


def listing(folder: StudyFolder, record: Record) -> list[dict[str, Any]]:
    """Every job with its values, seeds and state."""
    todo = record.jobs
    states = Watcher(folder).states(job.name for job in todo)
    return [
        {"job": job.name, "state": str(states[job.name]), "seeds": list(job.seeds), **job.cell.values} for job in todo
    ]


def lines(folder: StudyFolder, standing: Standing) -> list[str]:
    """How a study stands, for a person."""
    total = sum(standing.states.values())
    counts = ", ".join(f"{count:,} {state}" for state, count in standing.states.items() if count)
    share = standing.done_steps / max(1, standing.total_steps)
    found = [f"{folder.path}: {total:,} jobs: {counts}; {share:.0%} of {standing.total_steps:,} steps"]
    found += [
        f"  running  {name}  {done / max(1, of):.0%}  {worker}"
        for name, worker, done, of in standing.running[:MOST_SHOWN]
    ]
    found += [f"  failed   {name}: {why}" for name, why in list(standing.failed.items())[:MOST_SHOWN]]
    left = max(0, len(standing.running) - MOST_SHOWN) + max(0, len(standing.failed) - MOST_SHOWN)
    return found + ([f"  and {left} more"] if left else [])
