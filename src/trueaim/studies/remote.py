"""Workers on other machines: through Ray, or through SLURM by submitit. The study's folder must be one they all see.

Each is a process of its own that a small function over there starts and waits for, so that its environment is settled
before JAX is loaded, and that ends with that function.
"""

import contextlib
import os
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trueaim.core.errors import TrueAimError, missing_extra
from trueaim.studies.executors import LAST_LINES, ONE_THREAD, Call, new_name

Ended = tuple[int, str]
"""An exit code, and the last lines of standard error."""
LOST = 137
"""Stands for the exit code of a worker of which nothing came back."""


def run_worker(words: Sequence[str], environ: Mapping[str, str]) -> Ended:
    """Start a worker here, and wait for it; it is asked to stop where this process is interrupted.

    Args:
        words: what comes after `python`.
        environ: what is added to the environment.
    """
    process = subprocess.Popen(
        [sys.executable, *words],
        env={**os.environ, **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    lines: deque[str] = deque(maxlen=LAST_LINES)
    with process:
        while True:
            try:
                lines.extend(line.decode(errors="replace").rstrip() for line in process.stderr)
                return process.wait(), "\n".join(lines)
            except KeyboardInterrupt:
                process.terminate()


def _first(error: Exception) -> str:
    """The first line of what an error says; some say nothing."""
    return next(iter(str(error).strip().splitlines()), "no more is known")[:200]


@dataclass
class RayTask:
    """A worker that a Ray task started."""

    name: str
    task: Any
    ended: Ended | None = None

    def poll(self) -> int | None:
        """None while it runs or waits for its resources, then its exit code."""
        import ray

        if self.ended is None and ray.wait([self.task], timeout=0)[0]:
            try:
                self.ended = ray.get(self.task)
            except Exception as error:  # a lost node, a killed process, or that it was cancelled
                self.ended = (LOST, f"{type(error).__name__}: {_first(error)}")
        return None if self.ended is None else self.ended[0]

    def said(self) -> str:
        """The last lines it wrote to standard error."""
        return self.ended[1] if self.ended else ""

    def cancel(self, at_once: bool = False) -> None:
        """Interrupt it, or kill it."""
        import ray

        with contextlib.suppress(Exception):
            ray.cancel(self.task, force=at_once)


class OnRay:
    """Tasks of a Ray cluster, or of one on this machine where there is none. A lost one is started again elsewhere.

    Args:
        slots: how many at a time; those for which there are no resources wait.
        address: of the cluster, as Ray takes it ("auto", "ray://host:10001"); None for one on this machine.
        cpus, gpus: that each needs.

    Raises:
        TrueAimError: Ray is not installed, or cannot be reached.
    """

    def __init__(self, slots: int, address: str | None = None, cpus: float = 1, gpus: float = 0) -> None:
        try:
            import ray
        except ImportError:
            raise missing_extra("Ray", "ray", "--executor ray") from None
        self.slots, self.cpus, self.gpus = slots, cpus, gpus
        self._own = not ray.is_initialized()
        if self._own:
            try:
                more: dict[str, Any] = {} if address else {"num_cpus": slots, "include_dashboard": False}
                ray.init(address=address, log_to_driver=False, **more)
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise TrueAimError(
                    f"--address: got {address!r}, which is no Ray cluster that answers ({_first(error)}); start one "
                    "with `ray start --head`, or leave the option out"
                ) from None

    def start(self, call: Call, slot: int) -> RayTask:
        """A task in this slot; Ray does not repeat it, since another worker goes on with its job."""
        import ray

        name = new_name("ray", slot)
        environ = {} if self.gpus else ONE_THREAD
        task = ray.remote(run_worker).options(num_cpus=self.cpus, num_gpus=self.gpus, max_retries=0, name=name)
        return RayTask(name, task.remote(call.words(name), environ))

    def close(self) -> None:
        """Leave the cluster, if this came to it."""
        import ray

        if self._own:
            ray.shutdown()


@dataclass
class SlurmJob:
    """A worker that is a job of SLURM."""

    name: str
    job: Any
    ended: Ended | None = None

    def poll(self) -> int | None:
        """None while it runs or waits in SLURM's queue, then its exit code."""
        if self.ended is None and self.job.done():
            try:
                self.ended = self.job.result()
            except Exception as error:  # out of time, out of memory, preempted, cancelled
                self.ended = (LOST, f"{self.job.state}: {_first(error)}")
        return None if self.ended is None else self.ended[0]

    def said(self) -> str:
        """The last lines it wrote to standard error."""
        return self.ended[1] if self.ended else ""

    def cancel(self, at_once: bool = False) -> None:
        """SLURM asks it to stop, and kills it a little later."""
        self.job.cancel(check=False)


class OnSlurm:
    """Jobs of SLURM, one for each slot; one that runs out of time is followed by another, which goes on.

    Args:
        slots: how many at a time.
        folder: for what submitit writes; all hosts must see it.
        parameters: as `submitit.AutoExecutor.update_parameters` takes them: `slurm_partition`, `timeout_min`,
            `mem_gb`, `gpus_per_node`, ...
        cluster: "slurm", or "local" for processes of this host, to try things out.

    Raises:
        TrueAimError: submitit is not installed, or does not take a parameter.
    """

    def __init__(
        self, slots: int, folder: Path, parameters: Mapping[str, str | int] | None = None, cluster: str = "slurm"
    ) -> None:
        try:
            import submitit
        except ImportError:
            raise missing_extra("submitit", "slurm", "--executor slurm") from None
        self.slots, self.gpus = slots, int((parameters or {}).get("gpus_per_node", 0))
        try:
            self.executor = submitit.AutoExecutor(folder=folder, cluster=cluster)
            self.executor.update_parameters(**{"name": "trueaim", "cpus_per_task": 1, **(parameters or {})})
        except (NameError, RuntimeError, ValueError, TypeError) as error:
            asked = dict(parameters or {})
            raise TrueAimError(
                f"--slurm: got {asked}, which submitit refuses ({_first(error)}); change the parameter"
            ) from None

    def start(self, call: Call, slot: int) -> SlurmJob:
        """A job in this slot."""
        name = new_name("slurm", slot)
        return SlurmJob(name, self.executor.submit(run_worker, call.words(name), {} if self.gpus else ONE_THREAD))

    def close(self) -> None:
        """Nothing is kept."""
