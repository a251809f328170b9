"""The scenarios' ids in Gymnasium: `gymnasium.make("trueaim/CheeseCorner-v0")` once this package is imported.

Nothing heavy is imported here: Gymnasium is told of the ids when it is loaded, and loads the rest when one is made.
"""

import ast
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

NAMESPACE, VERSION = "trueaim", 0
GYMNASIUM = "gymnasium"
SPELLED = {"coinrun": "CoinRun"}
"""Names that their words do not spell."""


def environment_id(name: str) -> str:
    """The id of a scenario: "cheese_corner" is trueaim/CheeseCorner-v0."""
    spelled = SPELLED.get(name) or "".join(word.capitalize() for word in name.split("_"))
    return f"{NAMESPACE}/{spelled}-v{VERSION}"


def scenario_names() -> tuple[str, ...]:
    """`trueaim.scenarios.NAMES`, read from the file, as importing it would load JAX and every scenario."""
    tree = ast.parse((Path(__file__).parent / "scenarios" / "__init__.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "NAMES":
            return tuple(ast.literal_eval(node.value))
    raise AssertionError("scenarios/__init__.py has no NAMES")


def register() -> None:
    """Tell Gymnasium of every scenario that it does not know yet."""
    import gymnasium

    for name in scenario_names():
        if environment_id(name) not in gymnasium.registry:
            gymnasium.register(
                environment_id(name),
                entry_point="trueaim.envs.single:ScenarioEnv",
                vector_entry_point="trueaim.envs.vector:ScenarioVectorEnv",
                kwargs={"scenario": name},
            )


def announce() -> None:
    """Register now if Gymnasium is loaded, else as soon as it is."""
    if hasattr(sys.modules.get(GYMNASIUM), "registry"):
        register()
    elif not any(isinstance(finder, _Waiting) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Waiting())


class _Waiting(MetaPathFinder):
    """Finds Gymnasium as the others do, and has the ids registered when it is loaded."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of Gymnasium; None for everything else."""
        if fullname != GYMNASIUM:
            return None
        others = [finder for finder in sys.meta_path if not isinstance(finder, _Waiting)]
        spec = next(filter(None, (finder.find_spec(fullname, path, target) for finder in others)), None)
        if spec is not None and spec.loader is not None:
            spec.loader = _Registering(spec.loader)
        return spec


class _Registering(Loader):
    """Loads a module as another loader does, then registers."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As the other loader does."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """As the other loader does; then the ids are known, and nobody needs to wait any longer."""
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Waiting)]
        register()
