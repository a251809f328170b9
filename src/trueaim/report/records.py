"""What records for the page have in common: frozen, strict, and missing data is None."""

import math
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from trueaim.core.verdict import Number


def none_for_nan(value: Any) -> Any:
    """A missing number as the page has it."""
    return None if isinstance(value, float) and math.isnan(value) else value


def finite(number: Number) -> Number:
    """The number with None for what is missing. Raises `ValueError` for bounds without end."""
    bounds = {name: none_for_nan(getattr(number, name)) for name in ("value", "low", "high")}
    if any(bound is not None and math.isinf(bound) for bound in bounds.values()):
        raise ValueError(f"number: got {number}, needs finite bounds or None")
    return number.model_copy(update=bounds)


Measured = Annotated[float | None, BeforeValidator(none_for_nan)]
Share = Annotated[Annotated[float, Field(ge=0, le=1)] | None, BeforeValidator(none_for_nan)]
"""Between 0 and 1, or None where there was nothing to measure."""
Finite = Annotated[Number, AfterValidator(finite)]


class Record(BaseModel):
    """A frozen record that refuses fields it does not know and numbers that are not finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def said(number: Number) -> str:
    """A number with its interval; what rounds to zero has no sign."""
    value, low, high = (none_for_nan(bound) for bound in (number.value, number.low, number.high))
    bounds = "" if low is None or high is None else f" [{decimal(low)}, {decimal(high)}]"
    return "no data" if value is None else f"{decimal(value)}{bounds}"


def decimal(value: float, digits: int = 2) -> str:
    """A number with so many digits after the point and a true minus sign."""
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")
