"""The lines of a level's text that say what its map cannot show: hints, time limit, luck, and what rules keep."""

import base64
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from trueaim.core.errors import TrueAimError, unknown_name
from trueaim.worlds.grid.level import Levels

if TYPE_CHECKING:
    from trueaim.worlds.grid.world import GridWorld

SHORT = 64
"""Tables of up to this many numbers are written out; longer ones are packed."""
_PACKED = "packed "


def told(world: "GridWorld", level: Levels) -> list[str]:
    """The lines for hints, time limit and luck."""
    lines = []
    if level.hint is not None and int(level.hint):
        lines.append("hint: " + " ".join(name for i, name in enumerate(world.hints) if int(level.hint) >> i & 1))
    if level.limit is not None:
        lines.append(f"steps: {int(level.limit)}")
    if level.luck is not None:
        lines.append(f"luck: {int(level.luck)}")
    return lines


def hint(world: "GridWorld", said: Mapping[str, str]) -> int:
    """The hint that a text says, as bits; raises for names that are not there."""
    names = said.get("hint", "").split()
    for name in names:
        if name not in world.hints:
            raise unknown_name("hint", name, world.hints)
    return sum(1 << world.hints.index(name) for name in set(names))


def number(world: "GridWorld", said: Mapping[str, str], name: str) -> Any:
    """The time limit or the luck that a text says, or its default; None where levels of the world have none."""
    knobs = {knob.name: knob.default for knob in world.knobs}
    has = "steps" in knobs if name == "steps" else any(rule.needs.chance for rule in world.rules)
    most = 2**31 if name == "steps" else 2**32
    if name in said and not (has and said[name].isdecimal() and int(said[name]) < most):
        needs = f"a whole number below {most}" if has else "no such line, as this world has none"
        raise TrueAimError(f"{name}: got {said[name]!r}, needs {needs}; correct the text.")
    if not has:
        return None
    if name == "steps":
        return jnp.asarray(int(said.get(name, knobs["steps"])), jnp.int32)
    return jnp.asarray(np.uint32(int(said.get(name, 0))))


def _fields(level: Levels) -> dict[str, Any]:
    """What a level holds beside its map, by name."""
    whole = {**level._asdict(), **level.tables}
    return {name: np.asarray(value) for name, value in whole.items() if name != "tables" and value is not None}


def tables(level: Levels, back: Levels) -> list[str]:
    """The lines for what rules keep of a level and would not come back."""
    own, again = _fields(level), _fields(back)
    for name, value in own.items():
        if name not in again or value.shape != again[name].shape or value.dtype != again[name].dtype:
            raise TrueAimError(f"level: got {name} of another form than this world's; pass one level of this world.")
    changed = [
        name for name in own if not np.array_equal(own[name], again[name], equal_nan=own[name].dtype.kind == "f")
    ]
    if {"cells", "things", "looks", "lies"} & set(changed):
        raise TrueAimError("level: got cells that do not agree with the places of the things; make both say the same.")
    return [f"table {name}: {_written(own[name])}" for name in changed]


def _written(table: np.ndarray) -> str:
    if table.size <= SHORT:
        return " ".join(repr(value) for value in np.ravel(table.astype(int) if table.dtype == bool else table).tolist())
    return _PACKED + base64.b64encode(zlib.compress(np.ascontiguousarray(table).tobytes(), 9)).decode()


def with_tables(level: Levels, said: Mapping[str, str]) -> Levels:
    """The level with the tables that a text says; raises for those that are not there or do not fit."""
    for line, words in said.items():
        keyword, _, name = line.partition(" ")
        if keyword != "table":
            continue
        known = _fields(level)
        if name not in known:
            raise unknown_name("table", name, known)
        table = jnp.asarray(_read(name, words, known[name]))
        if name in level.tables:
            level = level._replace(tables={**level.tables, name: table})
        else:
            own: Any = {name: table}
            level = level._replace(**own)
    return jax.tree.map(jnp.asarray, level)


def _read(name: str, words: str, like: np.ndarray) -> np.ndarray:
    """The table in a line, in the form that the world's tables of that name have."""
    try:
        if words.startswith(_PACKED):
            content = zlib.decompress(base64.b64decode(words.removeprefix(_PACKED), validate=True))
            return np.frombuffer(content, like.dtype).reshape(like.shape)
        number = float if like.dtype.kind == "f" else int
        return np.array([number(word) for word in words.split()], like.dtype).reshape(like.shape)
    except (ValueError, OverflowError, zlib.error):
        raise TrueAimError(
            f"table {name}: got {words[:40]!r}, needs {like.size} numbers of type {like.dtype}; "
            "correct it or leave the line out."
        ) from None
