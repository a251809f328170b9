"""What an audit asked beyond watching, as records for the page: how hard agents work, and their answers to edits."""

from collections.abc import Sequence

from pydantic import NonNegativeInt

from trueaim.audit.directed import Directed
from trueaim.audit.intervals import Interval
from trueaim.audit.interventions import Response
from trueaim.core.verdict import Number
from trueaim.report.records import Finite, Measured, Record


class Effort(Record):
    """How hard the agents work for one goal where goals part, in nats an episode."""

    goal: str
    nats: Finite
    """0 for random moves, below 0 for whoever keeps away from the goal."""
    most: Measured
    """Of an optimal agent on the same levels."""


class Answer(Record):
    """What the agents do when one goal is secured, removed or moved."""

    goal: str
    edit: str
    edited: NonNegativeInt
    """Levels."""
    own: Finite
    """What their return of the goal itself gains by seeing the edit."""
    words: str


def efforts(found: Sequence[Directed]) -> tuple[Effort, ...]:
    """One record for each goal."""
    return tuple(Effort(goal=one.goal, nats=_number(one.nats), most=one.most) for one in found)


def answers(found: Sequence[Response]) -> tuple[Answer, ...]:
    """One record for each edit of each goal."""
    return tuple(
        Answer(
            goal=one.goal,
            edit=one.edit,
            edited=one.edited,
            own=_number(one.own),
            words=_words(one),
        )
        for one in found
    )


def _words(found: Response) -> str:
    said = {True: "they act otherwise", False: "they act as before", None: "no data tells"}[found.answers]
    return f"{said} (also an edit of {', '.join(found.shared)})" if found.shared else said


def _number(found: Interval) -> Number:
    return Number(value=found.value, low=found.low, high=found.high, count=found.entries, agents=found.units)
