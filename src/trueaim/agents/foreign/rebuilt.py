"""The network of a saved Stable-Baselines3 model, made anew from its weights and a few plain words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from gymnasium import Space
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete
from jaxtyping import Bool

from trueaim.agents.foreign.saved_spaces import width
from trueaim.core.disk import shown
from trueaim.core.errors import missing_extra

ACTIVATIONS = (
    *("Tanh", "ReLU", "ELU", "SELU", "CELU", "GELU", "LeakyReLU", "SiLU", "Mish", "Sigmoid", "Softplus", "Hardtanh"),
    *("ReLU6", "Hardswish", "Softsign"),
)
EXTRACTORS = ("FlattenExtractor", "NatureCNN", "CombinedExtractor")
TOLD_BY_WEIGHTS = {
    "net_arch",
    "n_critics",
    "use_sde",
    "optimizer_class",
    "optimizer_kwargs",
    "ortho_init",
    "log_std_init",
}
"""Arguments of a policy that its weights tell, or that no longer matter."""
SWITCHES = {"full_std", "use_expln", "squash_output", "share_features_extractor", "normalize_images"}
_CLASS = re.compile(r"<class '([\w.]+)\.(\w+)'>")
_CONVOLUTIONS = ((8, 4), (4, 2), (3, 1))
"""Kernel and stride of NatureCNN (Mnih et al. 2015)."""


class Family(NamedTuple):
    """One kind of policy.

    Attributes:
        module, name: of its class in the library.
        acting: in front of the names of the layers that act, and of those that value.
        extractor: in front of the name of its features extractor.
        last: of the layer that gives actions; "" where it is the last of those that act.
    """

    module: str
    name: str
    acting: str
    valuing: str
    extractor: str
    last: str


FAMILIES = {
    "common": Family(
        "stable_baselines3.common.policies",
        "ActorCriticPolicy",
        "mlp_extractor.policy_net",
        "mlp_extractor.value_net",
        "features_extractor",
        "action_net",
    ),
    "dqn": Family("stable_baselines3.dqn.policies", "DQNPolicy", "q_net.q_net", "", "q_net.features_extractor", ""),
    "sac": Family(
        "stable_baselines3.sac.policies",
        "SACPolicy",
        "actor.latent_pi",
        "critic.qf0",
        "actor.features_extractor",
        "actor.mu",
    ),
    "td3": Family(
        "stable_baselines3.td3.policies", "TD3Policy", "actor.mu", "critic.qf0", "actor.features_extractor", ""
    ),
}


class Impossible(Exception):  # noqa: N818 (becomes a sentence about the file)
    """Why a network cannot be made anew, in words that follow its name."""


class Recipe(NamedTuple):
    """What is known of a saved model besides its weights.

    Attributes:
        family: a name in `FAMILIES`; "" for a policy of another kind.
        algorithm: the class that saved it.
        arguments: of its policy: plain values, and classes as Python prints them; None where they are not known.
        fields: plain fields of the algorithm.
        observation, action: its spaces, as its networks see them; None where they are not known.
    """

    family: str
    algorithm: str
    arguments: Mapping[str, Any] | None
    fields: Mapping[str, Any]
    observation: Space[Any] | None
    action: Space[Any] | None


@dataclass(frozen=True, eq=False)
class SavedModel:
    """A Stable-Baselines3 model made anew: it acts by the library's contract, and can do nothing else.

    Attributes:
        policy: the library's policy with the saved weights.
        algorithm: the class that saved it.
        exploration_rate: share of random actions of a DQN that samples.
        remarks: sentences about how it was read.
    """

    policy: Any
    algorithm: str
    exploration_rate: float
    remarks: tuple[str, ...]

    @property
    def observation_space(self) -> Space[Any]:
        """Of training, as the network sees it."""
        return self.policy.observation_space

    @property
    def action_space(self) -> Space[Any]:
        """Of training."""
        return self.policy.action_space

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Bool[np.ndarray, " batch"] | None = None,
        deterministic: bool = False,
    ) -> tuple[np.ndarray, Any]:
        """The actions for a batch of observations; a DQN that samples explores in each row by itself."""
        actions, state = self.policy.predict(observation, state, episode_start, deterministic)
        if deterministic or not self.exploration_rate:
            return actions, state
        import torch

        explores = torch.rand(len(actions)).numpy() < self.exploration_rate
        random = torch.randint(width(self.action_space), (len(actions),)).numpy()
        return np.where(explores, random, actions), state


def rebuilt(recipe: Recipe, weights: Mapping[str, np.ndarray], remarks: tuple[str, ...] = ()) -> SavedModel:
    """The model of a recipe with its weights.

    Every layer is compared with the weights before it is made, so a file cannot ask for more memory than it fills.

    Raises:
        Impossible: the recipe lacks something, or the weights are not those of its network.
        TrueAimError: Stable-Baselines3 is not installed.
    """
    family = FAMILIES.get(recipe.family)
    if family is None:
        raise Impossible("its policy is of a class that is not rebuilt here")
    if recipe.arguments is None:
        raise Impossible("the arguments of its policy are not written plainly")
    for word, space in (("observation", recipe.observation), ("action", recipe.action)):
        if space is None:
            raise Impossible(f"its {word} space is not written plainly (give env=)")
    arguments = _arguments(recipe, family, weights)
    policy = _made(family, recipe, arguments, weights)
    rate = recipe.fields.get("exploration_rate", 0.0) if recipe.family == "dqn" else 0.0
    return SavedModel(policy, recipe.algorithm, min(max(float(rate), 0.0), 1.0), remarks)


def _made(family: Family, recipe: Recipe, arguments: Mapping[str, Any], weights: Mapping[str, np.ndarray]) -> Any:
    try:
        from importlib import import_module

        import torch

        kind = getattr(import_module(family.module), family.name)
    except ImportError:
        raise missing_extra("stable-baselines3", "sb3", "a model saved by Stable-Baselines3") from None
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        try:
            policy = kind(recipe.observation, recipe.action, lambda progress: 0.0, **arguments)
        except Exception as error:  # the library's assertions about spaces and arguments
            raise Impossible(f"its network cannot be made ({type(error).__name__})") from None
        own = {name: tuple(tensor.shape) for name, tensor in policy.state_dict().items()}
        if own != {name: array.shape for name, array in weights.items()}:
            raise Impossible("its weights are not those of the network its fields tell of")
        policy.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
        policy.set_training_mode(False)
        if arguments.get("use_sde"):
            _draw_noise(policy)
    return policy


def _draw_noise(policy: Any) -> None:
    """State-dependent exploration draws its noise when a model is loaded, and keeps it."""
    (policy if hasattr(policy, "reset_noise") else policy.actor).reset_noise()


def _arguments(recipe: Recipe, family: Family, weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The arguments of the policy's class, with the sizes of all layers from the weights."""
    given = dict(recipe.arguments or {})
    found: dict[str, Any] = {name: value for name, value in given.items() if name in SWITCHES}
    if not all(isinstance(value, bool) for value in found.values()):
        raise Impossible("the arguments of its policy are not written plainly")
    if recipe.family == "common":
        found["ortho_init"] = False
    if recipe.fields.get("use_sde") is True:
        found["use_sde"] = True
    if isinstance(given.get("clip_mean"), int | float):
        found["clip_mean"] = float(given.pop("clip_mean"))
    if "activation_fn" in given:
        found["activation_fn"] = _class(given["activation_fn"], "torch.nn.modules.activation", ACTIVATIONS)
    options = given.get("features_extractor_kwargs", {})
    extractor, kept, num_features = _extractor(recipe, family, weights, given.get("features_extractor_class"), options)
    known = SWITCHES | TOLD_BY_WEIGHTS | {"activation_fn", "features_extractor_class", "features_extractor_kwargs"}
    unknown = sorted(set(given) - known)
    if unknown:
        raise Impossible(f"its policy has the unknown argument {shown(unknown[0], 30)!r}")
    found |= {"features_extractor_class": extractor, "features_extractor_kwargs": kept}
    return found | _sizes(recipe, family, weights, num_features)


def _class(text: Any, module: str, names: tuple[str, ...]) -> Any:
    """The class of torch or of the library that Python printed so."""
    match = _CLASS.fullmatch(str(text))
    if match is None or match[1] != module or match[2] not in names:
        raise Impossible(f"its policy uses {shown(text, 50)}")
    try:
        from importlib import import_module

        return getattr(import_module(module), match[2])
    except ImportError:
        raise missing_extra("stable-baselines3", "sb3", "a model saved by Stable-Baselines3") from None


def _extractor(
    recipe: Recipe, family: Family, weights: Mapping[str, np.ndarray], told: Any, options: Any
) -> tuple[Any, dict[str, Any], int]:
    """The class of the features extractor, its arguments, and how many features it gives."""
    space, prefix = recipe.observation, family.extractor
    if not isinstance(options, Mapping) or set(options) - {"features_dim", "cnn_output_dim", "normalized_image"}:
        raise Impossible("its features extractor has unknown arguments")
    kept: dict[str, Any] = {}
    if isinstance(options.get("normalized_image"), bool):
        kept["normalized_image"] = options["normalized_image"]
    if isinstance(space, Dict):
        name, num = "CombinedExtractor", 0
        for key, part in space.spaces.items():
            if f"{prefix}.extractors.{key}.linear.0.weight" in weights:
                kept["cnn_output_dim"] = _convolved(weights, f"{prefix}.extractors.{key}", part)
                num += kept["cnn_output_dim"]
            else:
                num += width(part)
    elif f"{prefix}.linear.0.weight" in weights:
        name, num = "NatureCNN", _convolved(weights, prefix, space)
        kept["features_dim"] = num
    else:
        name, num = "FlattenExtractor", width(space)  # type: ignore[arg-type]
    module = "stable_baselines3.common.torch_layers"
    text = f"<class '{module}.{name}'>"
    kind = _class(text if told is None else told, module, EXTRACTORS)
    if kind.__name__ != name:
        raise Impossible("its weights are not those of its features extractor")
    return kind, kept, num


def _convolved(weights: Mapping[str, np.ndarray], prefix: str, space: Any) -> int:
    """How many features NatureCNN gives for a picture, if its weights are of the size that the picture asks for."""
    height, wide = space.shape[1:] if isinstance(space, Box) and len(space.shape) == 3 else (0, 0)
    for kernel, stride in _CONVOLUTIONS:
        height, wide = (height - kernel) // stride + 1, (wide - kernel) // stride + 1
    shape = weights[f"{prefix}.linear.0.weight"].shape
    if min(height, wide) < 1 or len(shape) != 2 or shape[1] != 64 * height * wide:
        raise Impossible("its weights are not those of its features extractor")
    return int(shape[0])


def _sizes(recipe: Recipe, family: Family, weights: Mapping[str, np.ndarray], num_features: int) -> dict[str, Any]:
    """The sizes of the hidden layers, each compared with the one before it, and of the actions with their space."""
    if not isinstance(recipe.action, Box | Discrete | MultiDiscrete | MultiBinary):
        raise Impossible("its action space is not rebuilt here")
    num_actions = width(recipe.action)
    acting = _chain(weights, family.acting, num_features)
    if family.last:
        last = weights.get(f"{family.last}.weight", weights.get(f"{family.last}.0.weight"))
        chosen = acting[-1] if acting else num_features
        fits = last is not None and last.shape == (num_actions, chosen)
    else:
        fits, acting = acting[-1:] == [num_actions], acting[:-1]
    if not fits:
        raise Impossible("its weights are not those of its action space")
    if recipe.family == "dqn":
        return {"net_arch": acting}
    if recipe.family == "common":
        return {"net_arch": {"pi": acting, "vf": _chain(weights, family.valuing, num_features)}}
    num = sum(re.fullmatch(r"critic\.qf\d+\.0\.weight", name) is not None for name in weights)
    valuing = _chain(weights, family.valuing, num_features + num_actions)[:-1]
    return {"net_arch": {"pi": acting, "qf": valuing}, "n_critics": num}


def _chain(weights: Mapping[str, np.ndarray], prefix: str, num_inputs: int) -> list[int]:
    """The number of outputs of every linear layer under a prefix, each of which takes what the one before gives."""
    layers = {}
    for name, array in weights.items():
        match = re.fullmatch(rf"{re.escape(prefix)}\.(\d{{1,4}})\.weight", name)
        if match:
            layers[int(match[1])] = array.shape
    sizes = []
    for _, shape in sorted(layers.items()):
        if len(shape) != 2 or shape[1] != num_inputs:
            raise Impossible("its weights are not those of its observation space")
        num_inputs = int(shape[0])
        sizes.append(num_inputs)
    return sizes
