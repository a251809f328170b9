"""JSON and TOML, to and from bytes, strictly: nothing that one side writes surprises the other."""

import json
import math
import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import date, time
from typing import Any, NoReturn

import tomli_w

from trueaim.core.disk import shown
from trueaim.core.errors import DamagedError, TrueAimError

MAX_DEPTH = 64
MAX_VALUES = 1_000_000  # 16 MiB of "0," would otherwise take 10 s and 870 MB
MAX_TOML_BYTES = 64 * 1024
MAX_TOML_LINE_BYTES = 4 * 1024
MAX_KEY_PARTS = 8  # tomllib takes 17 s for one dotted key of 64 KiB

_TOML_TEXT = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}' r"|'''.*?'{3,5}" r'|"(?:\\.|[^"\\\n])*"' r"|'[^'\n]*'" r"|#[^\n]*",
    re.DOTALL,
)


def encode_json(value: Any, name: str) -> bytes:
    """UTF-8 JSON with sorted keys, the same bytes for equal values.

    Raises:
        TrueAimError: NaN or an infinity, a key that is not a string, more than 64 levels, or a type JSON has not.
    """
    _check(value, (type(None),), lambda problem: _refuse_value(name, problem, "JSON"))
    return (json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def decode_json(data: bytes, name: str) -> Any:
    """The value in UTF-8 JSON.

    Raises:
        DamagedError: not JSON, NaN or an infinity, a key given twice, numbers beyond 64 bits, more than
            64 levels, or more than a million values.
    """
    if sum(map(data.count, (b",", b"[", b"{"))) > MAX_VALUES:
        _refuse_data(name, f"has more than {MAX_VALUES} values", "JSON")

    def refuse(problem: str) -> NoReturn:
        _refuse_data(name, problem, "JSON")

    try:
        value = json.loads(
            data.decode(),
            parse_constant=lambda text: refuse(f"holds {text}"),
            parse_float=lambda text: _finite(text, refuse),
            parse_int=lambda text: int(text) if len(text) <= 20 else refuse("holds a number beyond 64 bits"),
            object_pairs_hook=lambda pairs: _distinct(pairs, refuse),
        )
    except (ValueError, RecursionError) as error:
        raise _damage(name, "cannot be understood", "JSON") from error
    _check(value, (type(None),), refuse)
    return value


def encode_toml(value: dict[str, Any], name: str) -> bytes:
    """UTF-8 TOML in the order of `value`.

    Raises:
        TrueAimError: something that `decode_toml` would refuse: None, NaN, over 64 KiB, over 4 KiB a line.
    """
    _check(value, (date, time), lambda problem: _refuse_value(name, problem, "TOML"))
    data = tomli_w.dumps(value).encode()
    problem = _toml_bomb(data)
    if problem:
        _refuse_value(name, problem, "TOML")
    return data


def decode_toml(data: bytes, name: str) -> dict[str, Any]:
    """The table in UTF-8 TOML.

    Raises:
        DamagedError: not TOML, over 64 KiB, over 4 KiB a line, over 8 parts a key, NaN or an infinity.
    """
    problem = _toml_bomb(data)
    if problem:
        _refuse_data(name, problem, "TOML")
    try:
        value = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise _damage(name, "cannot be understood", "TOML") from error
    _check(value, (date, time), lambda problem: _refuse_data(name, problem, "TOML"))
    return value


def _toml_bomb(data: bytes) -> str | None:
    """What would make parsing slow, found without parsing."""
    if len(data) > MAX_TOML_BYTES:
        return f"is over {MAX_TOML_BYTES // 1024} KiB"
    if max(map(len, data.split(b"\n"))) > MAX_TOML_LINE_BYTES:
        return f"has a line over {MAX_TOML_LINE_BYTES // 1024} KiB"
    bare = _TOML_TEXT.sub("", data.decode(errors="replace"))
    if any(piece.count(".") >= MAX_KEY_PARTS for piece in re.split(r"[=,\[\]{}\n]", bare)):
        return f"has a key of more than {MAX_KEY_PARTS} parts"
    return None


def _finite(text: str, refuse: Callable[[str], NoReturn]) -> float:
    number = float(text)
    return number if math.isfinite(number) else refuse("holds a number too large")


def _distinct(pairs: list[tuple[str, Any]], refuse: Callable[[str], NoReturn]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        refuse(f"gives the key {shown(repr(twice), 60)} twice")
    return table


def _check(value: Any, also: tuple[type, ...], refuse: Callable[[str], NoReturn]) -> None:
    """Calls `refuse` with the first thing wrong in `value`; walks with a list, so depth cannot break it."""
    stack: list[tuple[Any, int]] = [(value, 0)]
    while stack:
        item, depth = stack.pop()
        if depth >= MAX_DEPTH and isinstance(item, (dict, list, tuple)):
            refuse(f"is nested more than {MAX_DEPTH} levels deep")
        if isinstance(item, dict):
            stack.extend((child, depth + 1) for child in item.values())
            stack.extend((key, depth + 1) for key in item)
            if not all(isinstance(key, str) for key in item):
                refuse("has a key that is not text")
        elif isinstance(item, (list, tuple)):
            stack.extend((child, depth + 1) for child in item)
        else:
            problem = _scalar_problem(item, also)
            if problem:
                refuse(problem)


def _scalar_problem(item: Any, also: tuple[type, ...]) -> str | None:
    if isinstance(item, str):
        is_text = item.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in item)
        return None if is_text else "holds half a surrogate pair"
    if isinstance(item, bool):
        return None
    if isinstance(item, int):
        return None if -(2**63) <= item < 2**64 else "holds a number beyond 64 bits"
    if isinstance(item, float):
        return None if math.isfinite(item) else f"holds {float(item)}"
    return None if isinstance(item, also) else f"holds a value of type {type(item).__name__}"


def _damage(name: str, problem: str, form: str) -> DamagedError:
    return DamagedError(
        f"{shown(name)} {problem}, and this needs plain finite {form}; restore the file or make it again."
    )


def _refuse_data(name: str, problem: str, form: str) -> NoReturn:
    raise _damage(name, problem, form)


def _refuse_value(name: str, problem: str, form: str) -> NoReturn:
    raise TrueAimError(
        f"{shown(name)}: what is to be written {problem}, and {form} files here need plain finite values."
    )


def plain(value: Any) -> Any:
    """Records as objects, sequences as lists, and null for numbers that are not there: what JSON can hold."""
    if hasattr(value, "_asdict"):
        return {name: plain(part) for name, part in value._asdict().items()}
    if isinstance(value, Mapping):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
