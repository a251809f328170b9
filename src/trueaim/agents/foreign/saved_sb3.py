"""Stable-Baselines3 models in files, from their plain parts: no pickled Python in them is opened.

Such a file is a zip archive. Its member `data` is JSON in which everything that JSON cannot hold stands twice: pickled
(`:serialized:`, which is skipped), and as plain attributes beside it. Its member `policy.pth` holds the weights.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import Space
from gymnasium.spaces import Box, Dict

from trueaim.agents.foreign.archive import members
from trueaim.agents.foreign.rebuilt import FAMILIES, Impossible, Recipe, SavedModel, rebuilt
from trueaim.agents.foreign.saved_spaces import built, in_order, printed_space
from trueaim.agents.foreign.saved_torch import checked, weights_in
from trueaim.agents.foreign.trusted import digest_of, is_trusted, opened
from trueaim.core.disk import shown
from trueaim.core.documents import decode_json
from trueaim.core.errors import DamagedError, TrueAimError, unknown_name

MAX_DATA_BYTES = 64 * 1024**2
DATA, WEIGHTS, PICKLED = "data", "policy.pth", ":serialized:"
ALGORITHMS = ("A2C", "DDPG", "DQN", "PPO", "SAC", "TD3")
_MODULE = re.compile(r"stable_baselines3\.(?:(\w+)\.policies|common\.policies)")


def saved_model(
    data: bytes, name: str, trusted: str | None, algorithm: str | None = None, env: Any = None
) -> SavedModel:
    """The model in a file, acting as it did when it was saved.

    By default only plain values are read. What they do not tell (spaces of dictionaries, classes of others) may be
    given by `env`, or, if the file's digest is trusted, is unpickled in a confined process (`trueaim.agents.foreign.
    trusted`).

    Args:
        data: the file.
        name: what to call it.
        trusted: its SHA-256, as the user has checked it.
        algorithm: the class of the model ("PPO"), for a check.
        env: whatever has the observation and action space of training.

    Raises:
        DamagedError: not such a file, or a damaged one.
        TrueAimError: it cannot be rebuilt, with the digest it has.
    """
    if algorithm is not None and algorithm not in ALGORITHMS:
        raise unknown_name("algorithm", algorithm, ALGORITHMS)
    trusts = is_trusted(data, trusted)
    parts = members(data, name, (DATA, WEIGHTS))
    if set(parts) != {DATA, WEIGHTS} or len(parts[DATA]) > MAX_DATA_BYTES:
        raise DamagedError(
            f"{shown(name, 60)}: is no model of Stable-Baselines3 (it has no members 'data' and 'policy.pth'), needs "
            "one; save it with model.save"
        )
    remarks: list[str] = []
    if trusts:
        recipe, weights, remark = _unpickled(parts, name)
        remarks.append(remark)
    else:
        recipe, weights = _printed(parts[DATA], name), weights_in(parts[WEIGHTS], name)
    try:
        recipe = _with_spaces(recipe, env)
        if algorithm == "DDPG" and recipe.algorithm == "TD3":
            recipe = recipe._replace(algorithm=algorithm)  # the library's DDPG is a TD3, and its files do not tell
        if algorithm not in (None, recipe.algorithm):
            raise Impossible(f"it was saved by {recipe.algorithm or 'another class'}, not {algorithm}")
        return rebuilt(recipe, weights, tuple(remarks))
    except Impossible as error:
        raise _refusal(name, str(error), parts[DATA], data, trusts) from None


def _refusal(name: str, why: str, text: bytes, data: bytes, trusts: bool) -> TrueAimError:
    if trusts:
        return TrueAimError(
            f"{shown(name, 30)}: cannot be rebuilt ({shown(why, 90)}), needs a policy of Stable-Baselines3 itself; "
            "load it yourself and pass the model"
        )
    num = text.count(f'"{PICKLED}"'.encode())
    return TrueAimError(
        f"{shown(name, 30)}: {shown(why, 70)}; its {num} fields of pickled Python would run its author's code: if you "
        f'trust it, pass trusted="sha256:{digest_of(data)}", or load it and pass the model'
    )


def _printed(text: bytes, name: str) -> Recipe:
    """What the plain fields tell."""
    fields = decode_json(text, f"the data of {shown(name, 40)}")
    if not isinstance(fields, dict):
        raise DamagedError(f"{shown(name, 60)}: its data is no table, needs one; save the model again")
    kind, arguments = fields.get("policy_class"), fields.get("policy_kwargs")
    module = kind.get("__module__") if isinstance(kind, dict) else None
    if isinstance(arguments, dict):
        has_pickle = PICKLED in arguments
        arguments = {key: value for key, value in arguments.items() if key not in (PICKLED, ":type:")}
        if has_pickle and not arguments:
            arguments = None
    return Recipe(
        _family(module),
        _algorithm(module, fields),
        arguments if isinstance(arguments, dict) else None,
        {key: value for key, value in fields.items() if isinstance(value, bool | int | float)},
        printed_space(fields.get("observation_space")),
        printed_space(fields.get("action_space")),
    )


def _unpickled(parts: Mapping[str, bytes], name: str) -> tuple[Recipe, dict[str, np.ndarray], str]:
    """What a confined process found in the pickled fields, and the weights."""
    answer = opened("model", [parts[DATA], parts[WEIGHTS]], name)
    value = answer.value
    fields, arguments = value.get("fields"), value.get("arguments")
    if not isinstance(fields, dict) or not isinstance(arguments, dict):
        raise DamagedError(f"{shown(name, 60)}: gave no fields when it was opened, needs some; save the model again")
    module, prefix = value.get("module"), "weights/"
    weights = {key.removeprefix(prefix): array for key, array in answer.tensors.items() if key.startswith(prefix)}
    recipe = Recipe(
        _family(module),
        _algorithm(module, fields),
        arguments,
        fields,
        built(value.get("observation", {}), answer.tensors, "observation/"),
        built(value.get("action", {}), answer.tensors, "action/"),
    )
    return recipe, checked(weights, name), answer.remark


def _family(module: Any) -> str:
    """Which kind of policy a module of the library defines; "" for those of others."""
    found = _MODULE.fullmatch(str(module))
    family = (found[1] or "common") if found else ""
    return family if family in FAMILIES else ""


def _algorithm(module: Any, fields: Mapping[str, Any]) -> str:
    """The class that saved the file, as far as its fields tell."""
    family = _family(module)
    if family == "common":
        return "PPO" if "clip_range" in fields or "n_epochs" in fields else "A2C"
    return family.upper()


def _with_spaces(recipe: Recipe, env: Any) -> Recipe:
    """The recipe with the spaces of an environment: of actions exactly, of observations where it has none."""
    seen, acted = getattr(env, "observation_space", None), getattr(env, "action_space", None)
    observation, action = recipe.observation, recipe.action
    if acted is not None and (action is None or (type(action), action.shape) == (type(acted), acted.shape)):
        action = acted
    if observation is None and seen is not None:
        observation = _channels_first(seen)
    return recipe._replace(observation=observation, action=action)


def _channels_first(space: Space[Any]) -> Space[Any]:
    """The space as networks see it: pictures with their channels in front."""
    if isinstance(space, Dict):
        return in_order({name: _channels_first(part) for name, part in space.spaces.items()})
    if not isinstance(space, Box) or space.dtype != np.uint8 or len(space.shape) != 3:
        return space
    if space.shape[-1] > min(space.shape):
        return space
    return Box(np.moveaxis(space.low, -1, 0), np.moveaxis(space.high, -1, 0), dtype=np.uint8)
