"""What must be the same for the same bits, and what precedes the first use of JAX."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import trueaim
from trueaim.core import machine
from trueaim.core.errors import TrueAimError


def test_one_thread_cannot_be_asked_for_once_jax_has_several(monkeypatch):
    monkeypatch.delenv("NPROC", raising=False)
    assert "jax" in sys.modules
    with pytest.raises(TrueAimError, match="set NPROC=1 before Python starts"):
        machine.prepare(exact=True)
    assert "NPROC" not in os.environ


def test_one_thread_is_fine_where_it_was_set_before(monkeypatch):
    monkeypatch.setenv("NPROC", "1")
    machine.prepare(exact=True)
    assert machine.facts()["threads"] == "1"


def test_the_cache_is_where_the_variable_says_or_off(monkeypatch, tmp_path):
    monkeypatch.setenv("TRUEAIM_CACHE", "OFF")
    assert machine.cache_folder() is None
    machine.prepare()
    monkeypatch.setenv("TRUEAIM_CACHE", str(tmp_path))
    assert machine.cache_folder().parent == tmp_path
    monkeypatch.delenv("TRUEAIM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert machine.cache_folder().parent == tmp_path / "cache" / "trueaim" / "compiled"


def test_a_home_that_cannot_be_written_does_not_stop_the_work(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TRUEAIM_CACHE", str(tmp_path / "file"))
    machine.prepare()


def test_what_differs_is_named():
    assert machine.differing({"a": "1", "b": "2"}, {"a": "1", "b": "2"}) == []
    assert machine.differing({"b": "2", "a": "1"}, {"a": "3", "c": "4"}) == [
        "a: 1 -> 3",
        "b: 2 -> none",
        "c: none -> 4",
    ]


def test_facts_are_words_and_do_not_change():
    facts = machine.facts()
    assert facts == machine.facts()
    assert {"jax", "device", "processor", "threads", "code", "jax_enable_x64"} <= set(facts)
    assert all(isinstance(value, str) for value in facts.values())


def test_the_fingerprint_is_of_the_code_wherever_it_lies(tmp_path):
    """Another copy has the same one; a changed byte has another."""
    copy = tmp_path / "trueaim"
    shutil.copytree(Path(trueaim.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))

    def fingerprint(hash_seed):
        code = "from trueaim.core import machine; print(machine.__file__, machine.code_fingerprint())"
        variables = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONHASHSEED": hash_seed}
        found = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True)
        where, digest = found.stdout.split()
        assert Path(where).is_relative_to(copy)
        return digest

    first = fingerprint("0")
    assert first == fingerprint("1")
    machine.code_fingerprint.cache_clear()  # somebody may have edited the source since this process looked
    assert first == machine.code_fingerprint()
    with (copy / "core" / "keys.py").open("a") as file:
        file.write("\n")
    assert fingerprint("0") != first
