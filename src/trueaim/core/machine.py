"""The machine and the versions a result was made with, and the settings that must precede the first use of JAX.

Nothing here imports JAX before `prepare` had its say, because thread count and compile cache are read when JAX loads.
"""

import hashlib
import os
import platform
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from trueaim.core.errors import TrueAimError

CACHE_VARIABLE = "TRUEAIM_CACHE"
"""Environment variable: a folder for compiled programs, or `off`."""
SCHEDULER = "--xla_cpu_enable_concurrency_optimized_scheduler"
"""An XLA option that we turn off: with it, jax 0.10.2 on two CPU threads waits for ever in a program that trains two or
more full-size agents at once (groups of 2 and 4); without it nothing gets slower (186 against 181 thousand steps/s)."""
RECORDED = ("jax", "jaxlib", "numpy", "equinox", "optax", "trueaim")


def prepare(exact: bool = False, cached: bool = True) -> None:
    """Set up JAX: one thread if results must repeat bit for bit, and the compile cache unless it is turned off.

    Raises:
        TrueAimError: if `exact` is asked after JAX was loaded with more threads.
    """
    if exact and os.environ.get("NPROC") != "1":
        if "jax" in sys.modules:
            raise TrueAimError(
                "exact: got JAX already loaded with several threads, needs one; set NPROC=1 before Python starts"
            )
        os.environ["NPROC"] = "1"
    if SCHEDULER not in os.environ.get("XLA_FLAGS", ""):
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {SCHEDULER}=false".strip()
    folder = cache_folder()
    if cached and folder is not None:
        _cache_in(folder)


def cache_folder() -> Path | None:
    """Where compiled programs are kept: one folder for each kind of processor and JAX version; None when off."""
    chosen = os.environ.get(CACHE_VARIABLE, "")
    if chosen.lower() == "off":
        return None
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    base = Path(chosen) if chosen else home / "trueaim" / "compiled"
    kind = hashlib.sha256(_processor().encode()).hexdigest()[:8]
    return base / f"jax-{version('jax')}-{kind}"


def _cache_in(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return  # a read-only home must not stop the work; `trueaim doctor` says so
    settings = {
        "jax_compilation_cache_dir": str(folder),
        "jax_persistent_cache_min_compile_time_secs": 0.1,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    if "jax" in sys.modules:
        import jax

        if _setting("jax_compilation_cache_dir") is None:
            for name, value in settings.items():
                jax.config.update(name, value)
    else:
        for name, value in settings.items():
            os.environ.setdefault(name.upper(), str(value))


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide numbers."""
    found = {"python": platform.python_version()}
    for package in RECORDED:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def facts() -> dict[str, str]:
    """All that must be the same for two runs to agree bit for bit, by name."""
    import jax

    device = jax.devices()[0]
    return {
        **versions(),
        "device": device.platform
        if device.device_kind == device.platform
        else f"{device.platform} {device.device_kind}",
        "processor": _processor(),
        "threads": os.environ.get("NPROC") or str(len(os.sched_getaffinity(0))),
        "XLA_FLAGS": os.environ.get("XLA_FLAGS", ""),
        "jax_threefry_partitionable": str(_setting("jax_threefry_partitionable")),
        "jax_enable_x64": str(_setting("jax_enable_x64")),
        "code": code_fingerprint(),
    }


def differing(recorded: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """One line for each fact that is not the same, as "name: there -> here"."""
    names = sorted({*recorded, *here})
    return [
        f"{name}: {recorded.get(name, 'none')} -> {here.get(name, 'none')}"
        for name in names
        if recorded.get(name) != here.get(name)
    ]


def _setting(name: str) -> object:
    """One of JAX's own settings by its name."""
    import jax

    return getattr(jax.config, name)


@cache
def code_fingerprint() -> str:
    """A hash of this package's own source files."""
    package = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py"), key=lambda path: path.relative_to(package).as_posix()):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


@cache
def _processor() -> str:
    """The processor's model and a hash of what it can do."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.machine()
    first = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines[:40])}
    abilities = hashlib.sha256(first.get("flags", "").encode()).hexdigest()[:6]
    return f"{first.get('model name', platform.machine())} {abilities}"
