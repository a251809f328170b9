"""The error sentence: what was got, what is needed, what to do. Bad input never shows a traceback."""

from collections.abc import Iterable
from difflib import get_close_matches


class TrueAimError(Exception):
    """Bad usage or bad input; the command line prints its one sentence and exits with `exit_code`."""

    exit_code = 2


class DamagedError(TrueAimError):
    """A file is not what was written: cut, changed, foreign, or from another version."""


class MachineError(TrueAimError):
    """The machine failed us: disk, memory, a killed worker. The work so far is kept."""

    exit_code = 3


class StoppedError(TrueAimError):
    """A signal asked us to stop, and we did, resumably. `exit_code` is 128 plus the signal's number."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number


def unknown_name(kind: str, got: str, known: Iterable[str]) -> TrueAimError:
    """An error that lists the known names and the nearest one.

    Args:
        kind: what was looked for, in the singular ("scenario", "knob").
        got: the name that is not known.
        known: every name that is.
    """
    names = sorted(map(str, known))
    near = get_close_matches(got, names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    listing = ", ".join(names) if names else "none"
    return TrueAimError(f"{kind}: got {got!r}, needs one of: {listing}{hint}")


def missing_extra(package: str, extra: str, purpose: str) -> TrueAimError:
    """An error that names the pip line which brings an optional package."""
    return TrueAimError(f"{purpose} needs {package}, which is not installed; run: pip install 'trueaim[{extra}]'")
