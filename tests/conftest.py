"""Shared by all tests: a compile cache of their own, shape checks on what they call, and few programs at a time."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("TRUEAIM_CACHE", os.path.expanduser("~/.cache/trueaim-tests"))

import jax

from trueaim.core.machine import prepare

prepare()
MOST_MAPPINGS = 20_000
"""Every compiled program maps memory; at the system's limit (often 65,530) XLA dies of a segmentation fault."""


@pytest.fixture(autouse=True, scope="module")
def few_programs() -> Iterator[None]:
    """Forgets compiled programs after a module of tests, where there are many."""
    yield
    mappings = Path("/proc/self/maps")
    if mappings.exists() and len(mappings.read_bytes().splitlines()) > MOST_MAPPINGS:
        jax.clear_caches()
        gc.collect()
