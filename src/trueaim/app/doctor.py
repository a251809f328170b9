"""What is installed and what is missing, with the line that brings it."""

import os
import shutil
import sqlite3
from importlib.util import find_spec
from typing import Any

from trueaim.core import machine

EXTRAS = {
    "cuda": "jax_cuda13_plugin",
    "sb3": "stable_baselines3",
    "torch": "torch",
    "llm": "inspect_ai",
    "ray": "ray",
    "slurm": "submitit",
    "flax": "flax",
    "video": "av",
    "hub": "huggingface_hub",
    "notebook": "anywidget",
    "bayes": "numpyro",
    "stats": "statsmodels",
    "data": "minari",
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def examine() -> dict[str, Any]:
    """Versions, device, threads, compile cache, browser, and which extras are installed."""
    cache = machine.cache_folder()
    return {
        "facts": machine.facts(),
        "sqlite": sqlite3.sqlite_version,
        "cores": len(os.sched_getaffinity(0)),
        "cache": {
            "folder": str(cache) if cache else None,
            "writable": _writable(cache),
            "megabytes": _megabytes(cache),
        },
        "browser": next((found for name in BROWSERS if (found := shutil.which(name))), None),
        "extras": {
            extra: "installed" if find_spec(module) else f"missing; pip install 'trueaim[{extra}]'"
            for extra, module in EXTRAS.items()
        },
    }


def _writable(folder: Any) -> bool | None:
    return None if folder is None else folder.is_dir() and os.access(folder, os.W_OK)


def _megabytes(folder: Any) -> float | None:
    if folder is None or not folder.is_dir():
        return None
    return round(sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) / 1e6, 1)
