"""Workers through Ray and through submitit, for real on this machine; and what is said where they cannot be had."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from made_up import begun

from trueaim.app.study_command import _executor, _parameter
from trueaim.core.errors import TrueAimError
from trueaim.studies.executors import Call
from trueaim.studies.remote import OnRay, OnSlurm, run_worker

STUDY = """
name = "tiny"
question = "Does it run?"
seeds = 2
[scenario]
name = "cheese_corner"
options = { size = 7 }
[train]
steps = 2048
learner = { network = "flat", width = 16, envs = 16, rollout = 8, minibatches = 2, chunk = 2 }
[vary]
alpha = [0, 1]
[audit]
levels = 16
"""
PREPARED = """
import sys, threading, time
from pathlib import Path
from trueaim.core.machine import prepare, facts
prepare()
from trueaim.app.study_running import Wanted, run_study
from trueaim.app.options import out_of
from trueaim.studies import claims
from trueaim.studies.file import read
from trueaim.studies.folder import StudyFolder
from trueaim.studies.remote import OnRay, OnSlurm
file, folder = Path(sys.argv[1]), StudyFolder(sys.argv[2])
"""
RAY = (
    PREPARED
    + """
import ray
from ray.cluster_utils import Cluster
if __name__ == "__main__":
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False)
    assert len([node for node in ray.nodes() if node["Alive"]]) == 2

    def lose_a_node():
        while len(list(folder.claims.glob("*/beat.json"))) < 2:
            time.sleep(0.1)
        cluster.remove_node(second, allow_graceful=False)
        print("lost a node", flush=True)

    thread = threading.Thread(target=lose_a_node, daemon=True)
    thread.start()
    found = run_study(file, read(file), folder, OnRay(2), Wanted(), out_of(False))
    thread.join(10)
    print(found["jobs"], len([node for node in ray.nodes() if node["Alive"]]))
    ray.shutdown()
    cluster.shutdown()
"""
)
SLURM = (
    PREPARED
    + """
if __name__ == "__main__":
    executor = OnSlurm(2, folder.path / "slurm", {"timeout_min": 10}, cluster="local")
    print(run_study(file, read(file), folder, executor, Wanted(), out_of(False))["jobs"])
"""
)
ALL_DONE = "{'open': 0, 'running': 0, 'done': 4, 'failed': 0}"


def ran(tmp_path: Path, script: str) -> str:
    file = tmp_path / "tiny.toml"
    file.write_text(STUDY)
    program = tmp_path / "program.py"
    program.write_text(script)
    found = subprocess.run(
        [sys.executable, str(program), str(file), str(tmp_path / "tiny")],
        env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0"},
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )
    assert found.returncode == 0, found.stderr[-3000:]
    return found.stdout


@pytest.mark.slow
def test_a_ray_cluster_of_two_nodes_that_loses_one_loses_no_work(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    said = ran(tmp_path, RAY).splitlines()
    assert "lost a node" in said
    assert said[-1] == f"{ALL_DONE} 1"
    attempts = [json.loads(path.read_text())["attempt"] for path in (tmp_path / "tiny/results").glob("*/record.json")]
    assert len(attempts) == 4
    assert max(attempts) >= 2


@pytest.mark.slow
def test_submitit_runs_a_study_on_this_machine(tmp_path: Path) -> None:
    pytest.importorskip("submitit")
    assert ran(tmp_path, SLURM).strip() == ALL_DONE


def test_a_worker_that_fails_says_its_last_words() -> None:
    code, said = run_worker(["-c", "import sys; sys.stderr.write('one\\ntwo\\n'); sys.exit(3)"], {})
    assert (code, said) == (3, "one\ntwo")
    assert run_worker(["-c", "import os, sys; sys.exit(os.environ['NPROC'] != '1')"], {"NPROC": "1"}) == (0, "")


def test_a_worker_ends_when_it_is_left_alone(tmp_path: Path) -> None:
    """Its standard input is closed by whoever started it, however that one ended."""
    folder, _ = begun(tmp_path)
    command = [sys.executable, *Call(folder.path).words("alone")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert process.stdin is not None
    threading.Timer(0.2, process.stdin.close).start()
    started = time.monotonic()
    assert process.wait(timeout=60) == 143
    assert time.monotonic() - started < 60


def test_what_slurm_is_told() -> None:
    assert _parameter("timeout_min=240") == ("timeout_min", 240)
    assert _parameter("partition=gpu") == ("slurm_partition", "gpu")
    assert _parameter("slurm_account=a=b") == ("slurm_account", "a=b")
    with pytest.raises(TrueAimError, match="--slurm: got 'fast', needs the form name=value"):
        _parameter("fast")


def test_an_unknown_executor_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrueAimError, match=r"--executor: got 'slurn'.*did you mean 'slurm'"):
        _executor("slurn", 1, [], None, [], tmp_path)


@pytest.mark.parametrize(("package", "kind", "extra"), [("ray", "ray", "ray"), ("submitit", "slurm", "slurm")])
def test_a_missing_package_is_named_with_its_extra(
    package: str, kind: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(TrueAimError, match=rf"--executor {kind} needs .* pip install 'trueaim\[{extra}\]'"):
        OnRay(1) if kind == "ray" else OnSlurm(1, tmp_path)
