"""Gymnasium knows every scenario once the package is imported, in whatever order; nothing heavy is loaded for it."""

import subprocess
import sys

import gymnasium
import pytest

from trueaim import gymnasium_plugin, scenarios
from trueaim.gymnasium_plugin import environment_id, register, scenario_names

LIGHT = "assert not {'jax', 'numpy', 'trueaim.scenarios'} & set(sys.modules), 'too much'\n"
KNOWN = "assert 'trueaim/CheeseCorner-v0' in gymnasium.registry\nassert 'jax' not in sys.modules\n"


def run(script: str) -> None:
    """A script in a process of its own, with warnings as errors."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_ids_are_spelled_as_gymnasium_spells():
    assert environment_id("cheese_corner") == "trueaim/CheeseCorner-v0"
    assert environment_id("coinrun") == "trueaim/CoinRun-v0"
    assert len({environment_id(name) for name in scenarios.NAMES}) == len(scenarios.NAMES)


def test_the_names_are_those_of_the_scenarios():
    assert scenario_names() == scenarios.NAMES


def test_every_scenario_has_its_id_and_both_forms():
    register()
    register()
    for name in scenarios.NAMES:
        spec = gymnasium.spec(environment_id(name))
        assert spec.kwargs == {"scenario": name}
        assert "ScenarioEnv" in str(spec.entry_point)
        assert "ScenarioVectorEnv" in str(spec.vector_entry_point)


def test_options_do_not_hide_each_other():
    """No scenario has an option with the name of one that every environment has."""
    from inspect import signature

    from trueaim.envs.vector import ScenarioVectorEnv

    ours = set(signature(ScenarioVectorEnv).parameters) - {"options"}
    assert {name: ours & set(scenarios.options_of(name)) for name in scenarios.NAMES} == {
        name: set() for name in scenarios.NAMES
    }


@pytest.mark.parametrize(
    "script",
    [
        "import trueaim\nannounce()\n" + LIGHT + "import gymnasium\n",
        "import gymnasium\nannounce()\n",
        "announce()\nannounce()\nfrom gymnasium.envs.registration import registry\nimport gymnasium\n",
        "announce()\nimport importlib.util\nassert importlib.util.find_spec('gymnasium')\nimport gymnasium\n",
    ],
    ids=["before", "after", "submodule", "looked up before"],
)
def test_the_order_of_imports_does_not_matter(script):
    run("import sys\nfrom trueaim.gymnasium_plugin import announce\n" + script + KNOWN)


def test_gymnasium_is_loaded_as_without_us():
    run(
        "import sys\nfrom trueaim.gymnasium_plugin import announce\nannounce()\nfinders = len(sys.meta_path)\n"
        "import gymnasium, inspect\n"
        "assert len(sys.meta_path) == finders - 1\n"
        "assert type(gymnasium.__spec__.loader).__name__ == 'SourceFileLoader'\n"
        "assert gymnasium.__loader__ is gymnasium.__spec__.loader\n"
        "assert inspect.getsource(gymnasium)\n"
    )


def test_importing_the_package_is_enough():
    """Both ways in which Gymnasium's users name a package's environments."""
    run("import gymnasium, trueaim\ngymnasium.spec('trueaim/CheeseCorner-v0')")
    run("import gymnasium\ngymnasium.make('trueaim:trueaim/ThreeGoals-v0').reset(seed=0)")


def test_a_file_without_names_is_told(monkeypatch, tmp_path):
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "__init__.py").write_text("OTHER = ()\n")
    monkeypatch.setattr(gymnasium_plugin, "__file__", str(tmp_path / "plugin.py"))
    with pytest.raises(AssertionError, match="has no NAMES"):
        scenario_names()
