"""Several full-size agents in one program: this has waited for ever inside XLA (see `core.machine.SCHEDULER`)."""

import subprocess
import sys

import pytest

SCRIPT = """
from trueaim.core.machine import prepare
prepare()
from trueaim import scenario
from trueaim.training.learn import train
from trueaim.training.plan import Plan
train(Plan(scenario("cheese_corner"), 1, (0, 1), group=2))
print("done")
"""


@pytest.mark.slow
def test_a_group_of_full_size_agents_comes_to_an_end():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "done\n"
