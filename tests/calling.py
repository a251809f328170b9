"""Calling the command line inside the test's own process, and the smallest training run."""

import sys
from typing import NamedTuple

import pytest

from trueaim.app import cli

CHUNK = 256
"""Environment steps of one chunk of the smallest run."""
LEARNER = {"envs": 16, "rollout": 8, "chunk": 2, "width": 16, "minibatches": 2}
TINY = [
    *("--set", "scenario.size=7"),
    *(word for name, value in LEARNER.items() for word in ("--set", f"learner.{name}={value}")),
]


class Answer(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def call(monkeypatch, capsys):
    """Runs `trueaim WORDS` and gives exit code, standard output and standard error."""

    def run(*words: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["trueaim", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return Answer(ended.value.code, out, err)

    return run


def refused(answer: Answer, *parts: str) -> None:
    """Asserts that bad input was met with one sentence that holds these parts."""
    assert answer.code == 2, answer
    assert answer.out == ""
    assert answer.err.startswith("trueaim: ")
    assert answer.err.endswith("\n")
    assert answer.err.count("\n") == 1
    assert len(answer.err) < 400
    for part in parts:
        assert part in answer.err
