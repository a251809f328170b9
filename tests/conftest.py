"""Shared by all tests: a compile cache of their own, and shape checks on what they call."""

import os

os.environ.setdefault("TRUEAIM_CACHE", os.path.expanduser("~/.cache/trueaim-tests"))

from trueaim.core.machine import prepare

prepare()
