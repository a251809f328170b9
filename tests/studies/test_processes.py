"""A process is only taken for gone where that is certain."""

import json
import subprocess
import sys
import time

from trueaim.studies import processes


def test_another_process_with_the_same_number_is_not_taken_for_the_holder() -> None:
    here = processes.here()
    assert not processes.is_gone(here)
    assert processes.is_gone({**here, "begun": here["begun"] - 1})
    assert not processes.is_gone({**here, "place": "elsewhere", "begun": 0})
    assert not processes.is_gone({})


def test_a_process_that_ended_is_gone_even_before_it_is_reaped() -> None:
    script = "import json; from trueaim.studies.processes import here; print(json.dumps(here()))"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        process.stdout.read()
        until = time.monotonic() + 10
        while not processes.is_gone(said) and time.monotonic() < until:
            time.sleep(0.01)
        assert processes.is_gone(said)
        assert process.returncode is None
