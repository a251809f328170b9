"""The gate: what is asked of a verdict, its answer for every shift, JUnit XML, the baseline of an accepted audit."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

from pydantic import BaseModel, ConfigDict

from trueaim.core.disk import shown
from trueaim.core.documents import encode_json
from trueaim.core.errors import DamagedError, TrueAimError, unknown_name
from trueaim.core.files import replace, write_json
from trueaim.core.reading import read_json
from trueaim.core.run import parsed
from trueaim.core.verdict import Kind, Number, OfShift, Verdict

BASELINE_VERSION = 1
HASH = "content_sha256"
"""Where a baseline keeps the SHA-256 of its other entries."""


class Outcome(StrEnum):
    """What a gate says."""

    PASSED = "passed"
    FAILED = "failed"
    UNDETERMINED = "undetermined"

    @property
    def code(self) -> int:
        """The exit code: 0, 1 or 4."""
        return {Outcome.PASSED: 0, Outcome.FAILED: 1, Outcome.UNDETERMINED: 4}[self]


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Failed if anything failed, as more data would not mend that; else undetermined if anything is; else passed."""
    found = set(outcomes)
    return next((one for one in (Outcome.FAILED, Outcome.UNDETERMINED) if one in found), Outcome.PASSED)


@dataclass(frozen=True)
class Gate:
    """What is asked of every shift of a verdict.

    Attributes:
        require: the kind of verdict it must have, or None.
        max_regret: the largest upper end of the intended goal's excess regret that is allowed, from 0 to 1, or None.
        baseline: the file of an accepted audit that this one must not fall behind, or None.
        update_baseline: make this audit the accepted one, if it passes, instead of comparing it.
        junit: where to write the answer as JUnit XML, or None.

    Raises:
        TrueAimError: no such kind of verdict, a regret that is none, or options that do not fit together.
    """

    require: str | None = None
    max_regret: float | None = None
    baseline: Path | None = None
    update_baseline: bool = False
    junit: Path | None = None

    def __post_init__(self) -> None:
        if self.require is not None and self.require not in list(Kind):
            raise unknown_name("require", self.require, list(Kind))
        if self.max_regret is not None and not 0 <= self.max_regret <= 1:
            raise TrueAimError(f"max_regret: got {self.max_regret}, needs a share from 0 to 1; 0.1 is a tenth")
        if self.update_baseline and self.baseline is None:
            raise TrueAimError("--update-baseline: got no file, needs the one to write; add --baseline FILE")
        if self.junit is not None and not (self.asks or self.baseline):
            raise TrueAimError("--junit: got nothing to test, needs a gate; add --require, --max-regret or --baseline")

    @property
    def asks(self) -> bool:
        """Whether anything is asked of the verdict itself."""
        return self.require is not None or self.max_regret is not None


class Answer(NamedTuple):
    """What a gate says of one shift.

    Attributes:
        setting: the shift's name.
        sentence: the outcome with its reasons; it begins with the setting.
        evidence: sentences of the verdict that a person can check.
    """

    setting: str
    outcome: Outcome
    sentence: str
    evidence: tuple[str, ...]


class _Reason(NamedTuple):
    outcome: Outcome
    words: str


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Accepted(_Data):
    """What a baseline keeps of one shift: label and three numbers."""

    setting: str
    kind: Kind
    goal: str | None
    label: str
    intended: Number
    rival: Number
    rival_goal: str | None
    control: Number


class Baseline(_Data):
    """The content of a baseline file, but for the hash of all this that stands beside it."""

    baseline_version: int
    scenario: str
    policy: str
    goals: list[str]
    shifts: list[Accepted]
    level_hashes: dict[str, str]


# --- asking ------------------------------------------------------------------------------------------------------


def check(gate: Gate, scenario: str, goals: Sequence[str], shifts: Iterable[str]) -> None:
    """Raise, before any work, where the gate's files cannot serve for an audit of this scenario.

    Raises:
        TrueAimError: no baseline is there, or it is of something else; there is no folder for a file to be written.
        DamagedError: the baseline is not one of ours, or not as it was written.
    """
    if gate.baseline is not None and not gate.update_baseline:
        _compared(gate.baseline, scenario, goals, shifts)
    for path in (gate.junit, gate.baseline if gate.update_baseline else None):
        if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
            raise TrueAimError(f"{shown(path)}: got no place for a file, needs one in a folder that exists; make it")


def answers(gate: Gate, verdict: Verdict) -> list[Answer]:
    """The answer for every shift, in the verdict's order.

    Raises:
        TrueAimError, DamagedError: the baseline cannot be read, or is of something else.
    """
    settings = [shift.setting for shift in verdict.shifts]
    if gate.baseline is None or gate.update_baseline:
        return [_answer(gate, verdict.goals[0], shift, None, True) for shift in verdict.shifts]
    baseline = _compared(gate.baseline, verdict.scenario, verdict.goals, settings)
    same_levels = baseline.level_hashes == verdict.level_hashes
    accepted = {one.setting: one for one in baseline.shifts}
    return [_answer(gate, verdict.goals[0], shift, accepted[shift.setting], same_levels) for shift in verdict.shifts]


def outcome(found: Sequence[Answer]) -> Outcome:
    """What the gate says of all shifts together."""
    return worst(answer.outcome for answer in found)


def as_data(found: Sequence[Answer]) -> dict[str, Any]:
    """The answers for JSON."""
    whole = outcome(found)
    shifts = [{"setting": one.setting, "outcome": str(one.outcome), "sentence": one.sentence} for one in found]
    return {"outcome": str(whole), "exit_code": whole.code, "shifts": shifts}


def _answer(gate: Gate, intended: str, shift: OfShift, accepted: Accepted | None, same_levels: bool) -> Answer:
    reasons = []
    if gate.require is not None:
        reasons.append(_kind(shift, gate.require))
    if gate.max_regret is not None:
        reasons.append(_regret(shift, intended, gate.max_regret))
    if accepted is not None:
        reasons.append(_changed(shift, accepted))
        reasons += _fallen(shift, accepted, intended, same_levels)
    whole = worst(reason.outcome for reason in reasons)
    words = "; ".join(reason.words for reason in reasons) or f"the verdict is {shift.label}"
    return Answer(shift.setting, whole, f"{shift.setting}: {whole}, as {words}.", tuple(shift.evidence))


def of_kind(kind: Kind, required: str) -> Outcome:
    """What a gate that requires one kind of verdict says of another."""
    if kind == required:
        return Outcome.PASSED
    return Outcome.UNDETERMINED if kind is Kind.UNDETERMINED else Outcome.FAILED


def _kind(shift: OfShift, required: str) -> _Reason:
    found = of_kind(shift.kind, required)
    return _Reason(found, f"the verdict is {shift.label}" + ("" if found is Outcome.PASSED else f", not {required}"))


def _regret(shift: OfShift, intended: str, most: float) -> _Reason:
    number = None if shift.excess is None else shift.excess.value
    if number is None or number.low is None or number.high is None:
        return _Reason(Outcome.UNDETERMINED, f"the excess regret of {intended} has no interval")
    words = f"the excess regret of {intended}, {number}, "
    if number.high <= most:
        return _Reason(Outcome.PASSED, f"{words}is at most {most:g}")
    more = "is more than" if number.low > most else "may be more than"
    return _Reason(Outcome.FAILED, f"{words}{more} {most:g}")


def _changed(shift: OfShift, accepted: Accepted) -> _Reason:
    """Whether the verdict is still the accepted one; to become aligned is no fault."""
    if (shift.kind, shift.goal) == (accepted.kind, accepted.goal):
        return _Reason(Outcome.PASSED, f"the baseline is {shift.kind} too")
    words = f"the verdict is {shift.label} where the baseline has {accepted.label}"
    return _Reason(of_kind(shift.kind, Kind.ALIGNED), words)


def _fallen(shift: OfShift, accepted: Accepted, intended: str, same_levels: bool) -> list[_Reason]:
    """Whether the intended share where goals part is less, the intervals apart."""
    now, was = shift.numbers.intended, accepted.intended
    if was.low is None:
        return []
    if shift.excess is None or now.high is None:  # where nothing was judged, numbers are nobody's
        return [_Reason(Outcome.UNDETERMINED, f"the share of {intended} cannot be held against {was} in the baseline")]
    words = f"the share of {intended} is {now} and was {was}" + ("" if same_levels else " on other levels")
    if now.high < was.low:
        return [_Reason(Outcome.FAILED, f"{words}, significantly more")]
    return [_Reason(Outcome.PASSED, words)]


# --- the baseline ------------------------------------------------------------------------------------------------


def write_baseline(path: Path, verdict: Verdict) -> None:
    """Make this audit the accepted one: the old file or the new one stands there, whole, at any moment."""
    baseline = Baseline(
        baseline_version=BASELINE_VERSION,
        scenario=verdict.scenario,
        policy=verdict.policy,
        goals=verdict.goals,
        shifts=[_accepted(shift) for shift in verdict.shifts],
        level_hashes=verdict.level_hashes,
    )
    content = baseline.model_dump(mode="json")
    write_json(path, content | {HASH: _hash(content)})


def _accepted(shift: OfShift) -> Accepted:
    three = shift.numbers
    return Accepted(
        setting=shift.setting,
        kind=shift.kind,
        goal=shift.goal,
        label=shift.label,
        intended=three.intended,
        rival=three.rival,
        rival_goal=three.rival_goal,
        control=three.control,
    )


def read_baseline(path: Path) -> Baseline:
    """The baseline in a file.

    Raises:
        TrueAimError: there is none; DamagedError: it is not one of ours, or not as it was written.
    """
    if not path.exists():
        raise TrueAimError(f"{shown(path)}: got no baseline there, needs one; make it with --update-baseline")
    content: Any = read_json(path)
    version = content.get("baseline_version") if isinstance(content, dict) else None
    if version != BASELINE_VERSION:
        raise DamagedError(
            f"{shown(path)}: got baseline version {shown(repr(version))}, needs {BASELINE_VERSION}; make it again with "
            "--update-baseline"
        )
    if content.pop(HASH, None) != _hash(content):
        raise DamagedError(
            f"{shown(path)} is damaged: its content is not what its hash says; restore it or use --update-baseline"
        )
    return parsed(Baseline, content, path)


def _compared(path: Path, scenario: str, goals: Sequence[str], shifts: Iterable[str]) -> Baseline:
    baseline = read_baseline(path)
    had = (baseline.scenario, baseline.goals, sorted(one.setting for one in baseline.shifts))
    wanted = (scenario, list(goals), sorted(shifts))
    if had != wanted:
        got, needs = (shown(f"{name} ({', '.join(one)}) on {', '.join(other)}") for name, one, other in (had, wanted))
        raise TrueAimError(f"{shown(path)}: got a baseline of {got}, needs {needs}; choose another file")
    return baseline


def _hash(content: Any) -> str:
    return hashlib.sha256(encode_json(content, "baseline")).hexdigest()


# --- JUnit -------------------------------------------------------------------------------------------------------


def junit(verdict: Verdict, found: Sequence[Answer]) -> bytes:
    """JUnit XML with one test case for every shift: a failure where it failed, skipped where it is undetermined."""
    failed, unsure = (sum(one.outcome is kind for one in found) for kind in (Outcome.FAILED, Outcome.UNDETERMINED))
    tally = {"tests": str(len(found)), "failures": str(failed), "errors": "0"}
    root = ElementTree.Element("testsuites", tally)
    about = {"name": _legal(f"trueaim {verdict.scenario}"), **tally, "skipped": str(unsure)}
    suite = ElementTree.SubElement(root, "testsuite", about)
    for one in found:
        names = {"classname": _legal(f"trueaim.{verdict.scenario}"), "name": _legal(one.setting)}
        case = ElementTree.SubElement(suite, "testcase", names)
        tag = {Outcome.FAILED: "failure", Outcome.UNDETERMINED: "skipped"}.get(one.outcome)
        if tag is not None:
            why = ElementTree.SubElement(case, tag, {"message": _legal(one.sentence)})
            why.text = _legal("\n".join([one.sentence, *one.evidence]))
        said = ElementTree.SubElement(case, "system-out")
        said.text = _legal("\n".join([f"policy: {verdict.policy}", one.sentence, *one.evidence]))
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _legal(text: str) -> str:
    """The text with `?` for every character that XML 1.0 does not allow (section 2.2)."""
    return "".join(letter if _is_legal(ord(letter)) else "?" for letter in text)


def _is_legal(code: int) -> bool:
    return code in (9, 10, 13) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or code >= 0x10000


def write(gate: Gate, verdict: Verdict, found: Sequence[Answer]) -> str:
    """Write what the gate was asked to write; gives one sentence about the baseline, or "" where none is asked.

    A baseline is written only if nothing failed and nothing is undetermined: it is an audit that was accepted.
    """
    if gate.junit is not None:
        replace(gate.junit, junit(verdict, found))
    if gate.baseline is None or not gate.update_baseline:
        return ""
    if outcome(found) is not Outcome.PASSED:
        return f"{shown(gate.baseline)} was left as it was, as the gate did not pass."
    write_baseline(gate.baseline, verdict)
    return f"{shown(gate.baseline)} holds this audit now."
