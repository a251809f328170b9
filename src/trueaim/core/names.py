"""Which names may become files, columns and commands."""

import os
import re

from trueaim.core.disk import shown
from trueaim.core.errors import TrueAimError

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,79}")


def check_name(kind: str, name: str) -> str:
    """The name itself, if it is 1 to 80 of the characters A-Z a-z 0-9 . _ - and does not start with `.` or `-`.

    Args:
        kind: what bears the name, for the sentence ("run", "goal").
        name: the name as it came in.

    Raises:
        TrueAimError: it is anything else.
    """
    if isinstance(name, str) and _NAME.fullmatch(name):
        return name
    raise TrueAimError(
        f"{kind} name: got {shown(repr(name), 100)}, needs 1 to 80 of the characters A-Z a-z 0-9 . _ - "
        "and no . or - at the start; choose such a name."
    )


def refuse_globs(path: str | os.PathLike[str]) -> None:
    """Returns only if no part of the path is a pattern to DuckDB, which would read other files by it.

    Raises:
        TrueAimError: the path has `*`, `?`, `[` or `]`.
    """
    if any(letter in os.fspath(path) for letter in "*?[]"):
        raise TrueAimError(f"{shown(path)} has one of * ? [ ] in it, needs a path without; rename the file or folder.")
