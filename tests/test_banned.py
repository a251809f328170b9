"""What the source may not do: run what it reads, write behind `core/files.py`, or depend on chance it cannot repeat."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import trueaim

SOURCE = Path(trueaim.__file__).parent
WRITERS = {"core/files.py", "core/failpoints.py", "core/lock.py", "core/tables.py"}
PICKLES = {"pickle", "_pickle", "cPickle", "cloudpickle", "joblib", "dill", "marshal", "shelve"}
CALLS = {
    "eval",
    "exec",
    "hash",
    "os.system",
    "os.popen",
    "yaml.load",
    "yaml.unsafe_load",
    "yaml.full_load",
    "torch.hub.load",
}
METHODS = {"extractall", "read_pickle", "to_pickle"}
OPTIONS = {"shell": True, "allow_pickle": True, "weights_only": False, "trust_remote_code": True}
WRITING_CALLS = {"np.save", "np.savez", "np.savez_compressed", "np.savetxt", "os.replace", "os.rename", "shutil.move"}
WRITING_METHODS = {
    "write_text",
    "write_bytes",
    "save_file",
    "serialize_file",
    "tofile",
    "write_parquet",
    "write_csv",
    "savefig",
}
GOOD_RANDOM = {"Generator", "default_rng", "PCG64", "PCG64DXSM", "Philox", "SeedSequence", "BitGenerator"}
COPY = re.compile(r"\bCOPY\b.*\bTO\b", re.DOTALL)


def name_of(node: ast.AST) -> str:
    """The dotted name of an expression, with numpy as np; a call or an index in it becomes an empty part."""
    if isinstance(node, ast.Name):
        return "np" if node.id == "numpy" else node.id
    return f"{name_of(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ""


def problems(text: str, is_writer: bool = False) -> list[str]:
    """Everything banned in the source text, as `line: what`."""
    found = [*_imports(tree := ast.parse(text)), *_calls(tree), *_chance(tree)]
    if not is_writer:
        found += [*_writes(tree)]
    return [f"{node.lineno}: {what}" for node, what in found]


def _imports(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Call) and name_of(node.func).endswith(("__import__", "import_module")):
            names = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        else:
            continue
        for name in names:
            if name.split(".")[0] in PICKLES or name in CALLS:
                yield node, f"imports {name}"


def _calls(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = name_of(node.func)
        if name in CALLS or name.startswith("builtins.") or name.split(".")[-1] in METHODS:
            yield node, f"calls {name}"
        for option in node.keywords:
            if option.arg in OPTIONS and not _is_constant(option.value, not OPTIONS[option.arg]):
                yield node, f"passes {option.arg}"


def _is_constant(node: ast.AST, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _chance(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    for node in ast.walk(tree):
        name = name_of(node) if isinstance(node, ast.Attribute) else ""
        if name.startswith("np.random.") and name.split(".")[2] not in GOOD_RANDOM:
            yield node, f"uses the global state of {name}"
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            module = getattr(node, "module", None)
            names = {alias.name for alias in node.names}
            if (isinstance(node, ast.Import) and "random" in names) or module == "random":
                yield node, "uses the global state of random"
            if module == "numpy.random" and names - GOOD_RANDOM:
                yield node, "uses the global state of numpy.random"
        if (
            isinstance(node, ast.Call)
            and name_of(node.func) == "np.random.default_rng"
            and not node.args + node.keywords
        ):
            yield node, "draws without a seed"
        if _names_a_seed(node) and any(_is_clock(inner) for inner in ast.walk(node)):
            yield node, "takes a seed from the clock or the process"


def _names_a_seed(node: ast.AST) -> bool:
    """Whether this is an assignment to, or an argument for, something called seed or key, or a call that takes one."""
    if isinstance(node, ast.Assign):
        return any(_is_seed(name_of(target)) for target in node.targets)
    if isinstance(node, ast.AnnAssign):
        return _is_seed(name_of(node.target))
    if isinstance(node, ast.keyword):
        return _is_seed(node.arg or "")
    return isinstance(node, ast.Call) and name_of(node.func).split(".")[-1] in {
        "key",
        "PRNGKey",
        "fold_in",
        "default_rng",
    }


def _is_seed(name: str) -> bool:
    return bool(re.search(r"(^|[._])(seeds?|keys?)($|_)", name))


def _is_clock(node: ast.AST) -> bool:
    clocks = {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "now", "getpid", "id"}
    name = name_of(node.func) if isinstance(node, ast.Call) else ""
    return name.split(".")[-1] in clocks and name.split(".")[0] in {"time", "datetime", "os", "id", *clocks}


def _writes(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and COPY.search(node.value):
            yield node, "has COPY ... TO"
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "?" for part in node.values)
            if COPY.search(text):
                yield node, "has COPY ... TO"
        if not isinstance(node, ast.Call):
            continue
        name = name_of(node.func)
        if name in WRITING_CALLS or name.split(".")[-1] in WRITING_METHODS:
            yield node, f"writes with {name}"
        if name.split(".")[-1] == "open" and name != "webbrowser.open" and _opens_to_write(node, name):
            yield node, f"opens to write with {name}"


def _opens_to_write(node: ast.Call, name: str) -> bool:
    """Whether a call of `open` has a mode that may write; a mode that is not written out counts as one."""
    if node.args and name_of(node.args[0]) == "os.devnull":
        return False
    place = 1 if name in ("open", "io.open", "gzip.open", "os.open", "zipfile.open") else 0
    modes = [option.value for option in node.keywords if option.arg in ("mode", "flags")] or node.args[
        place : place + 1
    ]
    if name == "os.open":
        return any(isinstance(part, ast.Attribute) and part.attr in _FLAGS for mode in modes for part in ast.walk(mode))
    if not modes:
        return False
    mode = modes[0]
    if isinstance(mode, ast.Constant) and isinstance(mode.value, str):
        return bool(set(mode.value) & set("wax+")) and len(mode.value) <= 4
    return place == 1


_FLAGS = {"O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND", "O_TRUNC"}


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_the_source_does_nothing_banned(path):
    is_writer = str(path.relative_to(SOURCE)) in WRITERS
    assert problems(path.read_text(), is_writer) == []


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "import numpy, dill as d",
        "from joblib import load",
        "from os import system",
        "importlib.import_module('cloudpickle')",
        "eval('1')",
        "builtins.exec('1')",
        "os.system('ls')",
        "subprocess.run('ls', shell=True)",
        "subprocess.run('ls', shell=flag)",
        "yaml.load(f)",
        "archive.extractall()",
        "np.load(f, allow_pickle=True)",
        "torch.load(f, weights_only=False)",
        "AutoModel.from_pretrained(n, trust_remote_code=True)",
        "seed = hash(name)",
        "np.random.seed(0)",
        "numpy.random.rand(3)",
        "from numpy.random import rand",
        "import random",
        "rng = np.random.default_rng()",
        "seed = int(time.time())",
        "train(seed=time.time_ns())",
        "jax.random.key(os.getpid())",
        "open(p, 'w')",
        "open(p, mode='ab')",
        "open(p, mode)",
        "open(p, 'r+')",
        "path.open('x')",
        "path.write_text('')",
        "Path(p).write_bytes(b'')",
        "save_file(a, p)",
        "np.save(p, a)",
        "database.execute('COPY t TO \"a.parquet\"')",
        "database.execute(f'COPY {table} TO {path}')",
        "os.open(p, os.O_RDWR | os.O_CREAT)",
        "os.replace(a, b)",
    ],
)
def test_the_check_sees(text):
    assert len(problems(text)) >= 1


@pytest.mark.parametrize(
    "text",
    [
        "open(p)",
        "open(p, 'rb')",
        "path.open()",
        "webbrowser.open('http://127.0.0.1', 1)",
        "rng = np.random.default_rng(seed)",
        "x: np.random.Generator",
        "np.load(f, allow_pickle=False)",
        "torch.load(f, weights_only=True)",
        "key = jax.random.key(seed)",
        "started = time.monotonic()",
        "model.eval()",
        "'a copy of this to that'",
        "self.hash(1)",
        "Image.open(stream)",
        "os.open(os.devnull, os.O_WRONLY)",
    ],
)
def test_the_check_passes(text):
    assert problems(text) == []
