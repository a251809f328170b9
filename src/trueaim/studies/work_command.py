"""A process that does jobs of a study until none is left: `python -m trueaim.studies.work_command FOLDER`."""

import argparse
import os
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path

from trueaim.core.errors import TrueAimError
from trueaim.core.machine import prepare
from trueaim.studies.folder import StudyFolder, read_record
from trueaim.studies.jobs import Job
from trueaim.studies.results import Produced
from trueaim.studies.worker import JOB_BROKE, Do, Told, work


def _end_with_parent() -> None:
    """End this process when the one that started it does, which closes our standard input: work on disk is safe."""

    def wait() -> None:
        while os.read(0, 1):
            pass
        os._exit(143)

    threading.Thread(target=wait, daemon=True).start()


def main(arguments: Sequence[str] | None = None) -> int:
    """The worker as a program; gives its exit code."""
    parser = argparse.ArgumentParser(prog="python -m trueaim.studies.work_command")
    parser.add_argument("folder", type=Path, help="folder of a study that was begun with `trueaim study run`")
    parser.add_argument("--name", default="", help="of this worker, for people")
    parser.add_argument("--core", type=int, help="processor core to stay on")
    parser.add_argument("--scenario", action="append", default=[], help="package.module:NAME that may be loaded")
    parser.add_argument("--allow-drift", action="store_true", help="go on although versions or the machine changed")
    parser.add_argument("--child", action="store_true", help="end when standard input is closed")
    asked = parser.parse_args(arguments)
    if asked.child:
        _end_with_parent()
    if asked.core is not None:
        os.sched_setaffinity(0, {asked.core})
    prepare(exact=True)
    try:
        work(StudyFolder(asked.folder), doer(asked.folder, asked.scenario, asked.allow_drift), asked.name)
    except TrueAimError as error:
        sys.stderr.write(f"trueaim: {error}\n")
        return error.exit_code
    except Exception:
        traceback.print_exc()
        return JOB_BROKE
    return 0


def doer(folder: Path, trusted: Sequence[str], allow_drift: bool) -> Do:
    """What doing a job of this study means; loads everything that training needs."""
    from trueaim.studies.doing import do  # JAX is loaded here, after `prepare`

    keep = read_record(StudyFolder(folder)).study.keep

    def one(job: Job, place: Path, tell: Told) -> Produced:
        return do(job, place, keep_episodes=keep.episodes, trusted=trusted, allow_drift=allow_drift, tell=tell)

    return one


if __name__ == "__main__":
    sys.exit(main())
