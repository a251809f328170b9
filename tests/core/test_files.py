"""Whatever kills a write, and wherever: the old file or the new one, whole, and one sweep cleans up."""

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from trueaim.core import failpoints, files, reading
from trueaim.core.errors import MachineError, TrueAimError

OLD = b"old " * 1000
NEW = b"new " * 2000


@pytest.fixture(autouse=True)
def _disarmed():
    yield
    failpoints.arm({})


def python(script: str, *arguments: object, **environ: str) -> subprocess.CompletedProcess[str]:
    """A new process running the script."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, env=os.environ | environ, capture_output=True, text=True, timeout=60, check=False)


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob(".tmp-*"))


# --- what is written -------------------------------------------------------------------------------------------------


def test_replace_writes_the_bytes_and_returns_their_stamp(tmp_path):
    path = tmp_path / "a.bin"
    made = files.replace(path, OLD)
    assert made == files.Stamp(4000, hashlib.sha256(OLD).hexdigest()) == files.stamp(path)
    made = files.replace(path, lambda temporary: temporary.write_bytes(NEW) and None)
    assert path.read_bytes() == NEW
    assert made == files.stamp(path)
    assert os.listdir(tmp_path) == ["a.bin"]


def test_files_and_folders_get_the_mode_that_the_umask_leaves(tmp_path):
    before = os.umask(0o027)
    try:
        files.replace(tmp_path / "a", b"")
        files.replace(tmp_path / "b", lambda temporary: None)
        with files.new_folder(tmp_path / "c") as folder:
            assert folder.stat().st_mode & 0o777 == 0o700
            files.replace(folder / "d", b"")
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("a", "b", "c", "c/d")] == [0o640, 0o640, 0o750, 0o640]


def test_a_link_is_replaced_and_what_it_points_to_stays(tmp_path):
    (tmp_path / "far").write_bytes(OLD)
    (tmp_path / "near").symlink_to("far")
    files.replace(tmp_path / "near", NEW)
    assert (tmp_path / "far").read_bytes() == OLD
    assert not (tmp_path / "near").is_symlink()


def test_every_kind_of_file_has_the_same_bytes_in_every_process(tmp_path):
    script = """
import sys
from pathlib import Path
import numpy as np
from trueaim.core import files
folder = Path(sys.argv[1])
names = sorted({"b", "a", "c"}, key=lambda name: hash(name))
print(files.write_json(folder / "a.json", {name: [1, 0.5, None] for name in names}).sha256)
print(files.write_tensors(folder / "a.safetensors", {name: np.eye(3) for name in names}, {n: n for n in names}).sha256)
print(files.write_toml(folder / "a.toml", {"seed": 3, "knobs": {"spread": 0.5}}).sha256)
columns = {"x": np.arange(50_000) % 7, "y": np.linspace(0, 1, 50_000), "z": np.arange(50_000).astype(str)}
print(files.write_table(folder / "a.parquet", columns).sha256)
"""
    outputs = []
    for seed in ("0", "1"):
        folder = tmp_path / f"seed={seed}"
        folder.mkdir()
        outputs.append(python(script, folder, PYTHONHASHSEED=seed))
    assert outputs[0].stderr == ""
    assert len(outputs[0].stdout.split()) == 4
    assert outputs[0].stdout == outputs[1].stdout


def test_the_module_is_light():
    script = (
        "import time; t = time.process_time(); import trueaim.core.files, sys; print(time.process_time() - t);"
        "print(sorted({'jax', 'torch', 'duckdb', 'matplotlib'} & set(sys.modules)))"
    )
    seconds, heavy = min(python(script).stdout.splitlines() for _ in range(3))
    assert heavy == "[]"
    assert float(seconds) < 0.3


def test_transposed_and_big_endian_arrays_are_written_as_they_look(tmp_path):
    arrays = {"t": np.arange(6.0).reshape(2, 3).T, "b": np.arange(4, dtype=">i4"), "s": np.arange(9)[::2]}
    made = files.write_tensors(tmp_path / "a.safetensors", arrays)
    found = reading.read_tensors(tmp_path / "a.safetensors", made)
    assert all((found[name] == arrays[name]).all() for name in arrays)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: files.write_json(path, {"a": float("nan")}),
        lambda path: files.write_json(path, {"a": [np.float32(1)]}),
        lambda path: files.write_json(path, {1: 2}),
        lambda path: files.write_json(path, 2**64),
        lambda path: files.write_json(path, "\ud800"),
        lambda path: files.write_toml(path, {"a": None}),
        lambda path: files.write_toml(path, {"a": float("inf")}),
        lambda path: files.write_toml(path, {"a": "x" * 5000}),
        lambda path: files.write_tensors(path, {"a": np.array(["text"])}),
        lambda path: files.write_tensors(path, {"a": np.array([1j])}),
        lambda path: files.write_table(path, {}),
        lambda path: files.write_table(path, {"a": np.zeros(2), "b": np.zeros(3)}),
        lambda path: files.write_table(path, {"a": np.zeros(2), "A": np.zeros(2)}),
        lambda path: files.write_table(path, {"a": np.zeros((2, 2))}),
        lambda path: files.write_table(path, {'a"; drop': np.zeros(2)}),
        lambda path: files.write_table(path, {"a": np.zeros(2, np.float16)}),
        lambda path: files.write_table(path, {"a": np.array([None, "x"])}),
        lambda path: files.write_table(path, {"a": np.array(["\ud800"])}),
        lambda path: files.write_table(path.with_name("run[1]"), {"a": np.zeros(2)}),
    ],
)
def test_what_cannot_be_read_back_is_not_written(tmp_path, write):
    with pytest.raises(TrueAimError) as caught:
        write(tmp_path / "a")
    assert caught.value.exit_code == 2
    assert len(str(caught.value)) < 300
    assert os.listdir(tmp_path) == []


# --- kill -9 ---------------------------------------------------------------------------------------------------------

# Forks a warm child for every place, so that a hundred deaths take a second.
_KILLER = """
import json, os, sys
from pathlib import Path
import numpy as np
from trueaim.core import failpoints, files
from trueaim.core.files import *

folder, action = Path(sys.argv[1]), sys.argv[2]
counted = folder.parent / "count"

def act():
    if action == "bytes":
        files.replace(folder / "a", b"new " * 2000)
    elif action == "callable":
        files.replace(folder / "a", lambda temporary: temporary.write_bytes(b"new " * 2000) and None)
    else:
        with files.new_folder(folder / "made") as made:
            files.replace(made / "one", b"1")
            (made / "below").mkdir()
            (made / "below" / "two").write_bytes(b"2")

def child(environ):
    process = os.fork()
    if process == 0:
        failpoints.arm(environ)
        act()
        os._exit(0)
    return os.waitpid(process, 0)[1]

def restore():
    files.sweep(folder)
    if (folder / "made").exists():
        for name in ("one", "below/two"):
            (folder / "made" / name).unlink()
        (folder / "made" / "below").rmdir()
        (folder / "made").rmdir()
    (folder / "a").write_bytes(b"old " * 1000)

restore()
assert child({"TRUEAIM_COUNT": str(counted)}) == 0
names = counted.read_text().split()
report = []
for turn, name in enumerate(names, 1):
    restore()
    status = child({"TRUEAIM_KILL": f"*:{turn}"})
    made = {str(p.relative_to(folder / "made")): p.read_text() for p in (folder / "made").rglob("*") if p.is_file()}
    report.append({
        "name": name, "signal": os.WTERMSIG(status), "a": (folder / "a").read_bytes().decode(), "made": made,
        "exists": (folder / "made").exists(), "swept": files.sweep(folder),
        "left": [str(p) for p in folder.rglob(".tmp-*")],
    })
    if not (folder / "made").exists():
        act()  # the same command again
print(json.dumps(report))
"""


def _deaths(folder: Path, action: str) -> list[dict]:
    folder.mkdir()
    done = python(_KILLER, folder, action)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert all(death["signal"] == signal.SIGKILL for death in report)
    assert all(death["left"] == [] and death["swept"] <= 1 for death in report)
    return report


@pytest.mark.parametrize("action", ["bytes", "callable"])
def test_a_kill_anywhere_leaves_the_old_file_or_the_new_one(tmp_path, action):
    report = _deaths(tmp_path / "run", action)
    names = [death["name"] for death in report]
    assert {f"replace.{step}" for step in ("create", "write", "fsync", "rename", "folder")} < set(names)
    for turn, death in enumerate(report):
        is_renamed = turn >= names.index("replace.rename.done")
        assert death["a"].encode() == (NEW if is_renamed else OLD), death["name"]
    assert sum(death["swept"] for death in report) >= 5


def test_a_kill_anywhere_leaves_no_folder_or_the_whole_one(tmp_path):
    report = _deaths(tmp_path / "run", "folder")
    names = [death["name"] for death in report]
    assert len(names) >= 24
    for turn, death in enumerate(report):
        if turn >= names.index("folder.rename.done"):
            assert death["made"] == {"one": "1", "below/two": "2"}
        else:
            assert not death["exists"], death["name"]


def test_the_environment_kills_the_third_of_a_kind(tmp_path):
    script = "import sys; from trueaim.core import files; [files.replace(sys.argv[1], b'%d' % i) for i in range(5)]"
    done = python(script, tmp_path / "a", TRUEAIM_KILL="replace.rename:3")
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "a").read_bytes() == b"1"
    assert len(leftovers(tmp_path)) == 1
    assert files.sweep(tmp_path) == 1


@pytest.mark.parametrize("plan", [{"TRUEAIM_KILL": "replace.rename"}, {"TRUEAIM_FAIL": "replace.rename:1:ENOTHING"}])
def test_a_wrong_plan_is_one_sentence(tmp_path, plan):
    failpoints.arm(plan)
    with pytest.raises(TrueAimError, match="needs a place and a count"):
        files.replace(tmp_path / "a", b"")


# --- a disk that refuses ---------------------------------------------------------------------------------------------

_STEPS = ["create", "write", "write.done", "fsync", "fsync.done", "rename"]


@pytest.mark.parametrize("step", _STEPS)
@pytest.mark.parametrize("code", ["ENOSPC", "EDQUOT", "EFBIG", "EIO", "EACCES", "EROFS"])
@pytest.mark.parametrize("content", [NEW, lambda temporary: temporary.write_bytes(NEW) and None], ids=["bytes", "call"])
def test_a_refusing_disk_keeps_the_old_file_and_gives_a_sentence(tmp_path, step, code, content):
    path = tmp_path / "a"
    path.write_bytes(OLD)
    failpoints.arm({"TRUEAIM_FAIL": f"replace.{step}:1:{code}"})
    with pytest.raises(TrueAimError, match="could not be written") as caught:
        files.replace(path, content)
    is_machine = code not in ("EACCES", "EROFS")
    assert caught.value.exit_code == (3 if is_machine else 2)
    assert isinstance(caught.value, MachineError) == is_machine
    if is_machine and content is NEW:
        assert "8.0 kB are needed" in str(caught.value)
    assert path.read_bytes() == OLD
    assert os.listdir(tmp_path) == ["a"]


def test_a_failed_folder_flush_is_an_error_too(tmp_path):
    failpoints.arm({"TRUEAIM_FAIL": "replace.folder:1:EIO"})
    with pytest.raises(MachineError):
        files.replace(tmp_path / "a", NEW)
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("step", ["create", "create.done", "fsync", "folder", "rename"])
def test_a_refusing_disk_leaves_no_folder(tmp_path, step):
    failpoints.arm({"TRUEAIM_FAIL": f"folder.{step}:1:ENOSPC"})
    with pytest.raises(MachineError, match="made"), files.new_folder(tmp_path / "made") as folder:
        (folder / "one").write_bytes(b"1")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("call", ["fsync", "replace", "open"])
@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_the_same_from_the_system_calls_themselves(tmp_path, monkeypatch, call, code):
    path = tmp_path / "a"
    path.write_bytes(OLD)

    def refuse(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(files.os, call, refuse)
        with pytest.raises(TrueAimError) as caught:
            files.replace(path, NEW)
    assert caught.value.exit_code == (3 if code == errno.ENOSPC else 2)
    assert path.read_bytes() == OLD
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("kind", ["bytes", "table", "tensors"])
def test_a_real_limit_on_file_size(tmp_path, kind):
    script = """
import resource, sys
import numpy as np
from trueaim.core import errors, files
path, kind = sys.argv[1:]
files.write_table(path, {"a": np.arange(9)})
before = files.stamp(path)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
noise = np.random.default_rng(0).random(100_000)
write = {
    "bytes": lambda: files.replace(path, noise.tobytes()),
    "table": lambda: files.write_table(path, {"a": noise}),
    "tensors": lambda: files.write_tensors(path, {"a": noise}),
}[kind]
try:
    write()
except errors.MachineError as error:
    assert files.stamp(path) == before
    print(error)
    sys.exit(error.exit_code)
"""
    done = python(script, tmp_path / "a", kind)
    assert done.returncode == 3, done.stderr
    assert "larger than this process may write" in done.stdout
    assert kind == "table" or "800." in done.stdout
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_a_real_full_disk(tmp_path):
    script = """
import os, sys
import numpy as np
from trueaim.core import errors, files
noise = np.random.default_rng(0).random(100_000)
os.chdir(sys.argv[1])
files.replace("a", b"old")
for write in (
    lambda: files.replace("a", noise.tobytes()),
    lambda: files.write_table("a", {"a": noise}),
    lambda: files.replace("a", lambda temporary: temporary.write_bytes(noise.tobytes()) and None),
    lambda: files.ensure_room(".", 800_000),
):
    try:
        write()
    except errors.MachineError as error:
        print(error)
    assert os.listdir() == ["a"]
    assert open("a").read() == "old"
"""
    mount = 'mount -t tmpfs -o size=256k none "$0" || exit 77; exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", mount, str(tmp_path), sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.stderr.startswith(("unshare:", "mount:")):
        pytest.skip("this machine permits no mount of its own")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the disk is full") == 3
    assert done.stdout.count("800.0 kB are needed") == 2


def test_a_file_where_a_folder_is_needed_and_the_reverse(tmp_path):
    (tmp_path / "a").write_bytes(OLD)
    (tmp_path / "b").mkdir()
    write_table = lambda path, _: files.write_table(path, {"x": np.arange(3)})
    for write in (files.replace, write_table):
        with pytest.raises(TrueAimError, match="a file stands where a folder is needed") as first:
            write(tmp_path / "a" / "c", NEW)
        with pytest.raises(TrueAimError, match="it is a folder") as second:
            write(tmp_path / "b", NEW)
        with pytest.raises(TrueAimError, match="does not exist") as third:
            write(tmp_path / "none" / "c", NEW)
        assert {error.value.exit_code for error in (first, second, third)} == {2}
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_an_existing_folder_is_never_replaced(tmp_path):
    for name, make in {"empty": os.mkdir, "file": lambda path: Path(path).write_bytes(OLD)}.items():
        make(tmp_path / name)
        with pytest.raises(TrueAimError, match="exists already"), files.new_folder(tmp_path / name):
            pytest.fail("the block was entered")
    with pytest.raises(TrueAimError, match="exists already"), files.new_folder(tmp_path / "late"):
        (tmp_path / "late").mkdir()
    assert leftovers(tmp_path) == []
    assert os.listdir(tmp_path / "late") == []


def test_an_error_in_the_block_removes_the_folder_and_comes_out_unchanged(tmp_path):
    with pytest.raises(ZeroDivisionError), files.new_folder(tmp_path / "made") as folder:
        files.replace(folder / "one", lambda temporary: temporary.write_bytes(b"half") and 1 / 0)
    assert os.listdir(tmp_path) == []


def test_an_interrupt_while_writing_leaves_nothing(tmp_path):
    def interrupted(temporary):
        temporary.write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.replace(tmp_path / "a", interrupted)
    assert os.listdir(tmp_path) == []


def test_every_file_is_flushed_before_its_name_appears(tmp_path, monkeypatch):
    events = []
    record = lambda name: lambda *args: events.append(name)
    flush, rename, move = os.fsync, os.rename, os.replace
    monkeypatch.setattr(files.os, "fsync", lambda descriptor: (flush(descriptor), record("flush")()))
    monkeypatch.setattr(files.os, "rename", lambda *paths: (rename(*paths), record("rename")()))
    monkeypatch.setattr(files.os, "replace", lambda *paths: (move(*paths), record("rename")()))
    for content in (NEW, lambda temporary: temporary.write_bytes(NEW) and None):
        events.clear()
        files.replace(tmp_path / "a", content)
        assert events == ["flush", "rename", "flush"]
    events.clear()
    with files.new_folder(tmp_path / "made") as folder:
        (folder / "below").mkdir()
        (folder / "below" / "two").write_bytes(b"2")
        (folder / "one").write_bytes(b"1")
    assert events == ["flush"] * 4 + ["rename", "flush"]


def test_sweep_removes_only_our_own_names(tmp_path):
    keep = ["a", ".tmp", ".tmp-1-short-x", ".tmp-12-0123456g-a", "x.tmp-1-01234567-a"]
    for name in [*keep, ".tmp-1-01234567-a", "below/.tmp-99-89abcdef-b.json"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / ".tmp-2-01234567-made" / "deep").mkdir(parents=True)
    (tmp_path / ".tmp-2-01234567-link").symlink_to("below")
    (tmp_path / "link").symlink_to("below")
    assert files.sweep(tmp_path) == 4
    assert sorted(os.listdir(tmp_path)) == sorted([*keep, "below", "link"])
    assert files.sweep(tmp_path) == 0


def test_room_is_checked_before_writing(tmp_path):
    files.ensure_room(tmp_path / "not" / "yet" / "there", 1)
    with pytest.raises(MachineError, match=r"1000000\.0 TB are needed") as caught:
        files.ensure_room(tmp_path, 10**18)
    assert caught.value.exit_code == 3


# --- one writer ------------------------------------------------------------------------------------------------------

_HOLDER = """
import sys, time
from trueaim.core import files
with files.hold(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_writer_is_told_who_holds_and_starts_once_the_first_is_killed(tmp_path):
    command = [sys.executable, "-c", _HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        try:
            assert first.stdout.readline() == "held\n"
            start = time.monotonic()
            with (
                pytest.raises(TrueAimError, match=f"held by process {first.pid} on host") as caught,
                files.hold(tmp_path),
            ):
                pytest.fail("two writers")
            assert time.monotonic() - start < 1
            assert caught.value.exit_code == 2
        finally:
            first.kill()
    with files.hold(tmp_path):
        assert json.loads((tmp_path / "run.lock").read_text())["pid"] == os.getpid()
    assert (tmp_path / "run.lock").exists()


def test_one_process_cannot_hold_a_folder_twice_but_can_again(tmp_path):
    for _ in range(2):
        with files.hold(tmp_path), pytest.raises(TrueAimError, match="one writer"), files.hold(tmp_path):
            pytest.fail("two writers")


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"[]", b'{"host": 1}', b"[" * 4000])
def test_a_lock_file_with_anything_in_it_still_makes_a_sentence(tmp_path, content):
    with files.hold(tmp_path):
        (tmp_path / "run.lock").write_bytes(content)
        with pytest.raises(TrueAimError, match="held by another process"), files.hold(tmp_path):
            pytest.fail("two writers")


def test_a_lock_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "run.lock").symlink_to(tmp_path / "far")
    (tmp_path / "file").write_bytes(b"")
    for folder in ("none", "linked", "file"):
        with pytest.raises(TrueAimError, match="could not be locked"), files.hold(tmp_path / folder):
            pytest.fail("held")
    assert not (tmp_path / "far").exists()
