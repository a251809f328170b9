"""Words as values of the fields of a record of settings."""

from collections.abc import Mapping
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from trueaim.core.errors import TrueAimError, unknown_name


def fitting(record: type, section: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as the record's fields want them: "64" becomes 64 where a whole number is needed.

    Args:
        record: a dataclass.
        section: what it is called where values are set, for errors.
        values: by field.

    Raises:
        TrueAimError: for unknown names, with the nearest one, and for values that do not fit.
    """
    known = get_type_hints(record)
    return {name: _fitting(section, name, value, known) for name, value in values.items()}


def _fitting(section: str, name: str, value: Any, known: Mapping[str, Any]) -> Any:
    if name not in known:
        raise unknown_name(f"{section} option", name, known)
    try:
        return TypeAdapter(known[name]).validate_python(value)
    except ValidationError as error:
        problem = error.errors()[0]["msg"].lower()
        raise TrueAimError(f"{section}.{name}: got {value!r}, needs another value ({problem})") from None
