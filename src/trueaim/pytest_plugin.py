"""A pytest plugin: tests that fail where a policy pursues another goal than it should.

    @pytest.fixture
    def trueaim_scenario():
        return trueaim.scenario("cheese_corner", size=9)

    @pytest.fixture
    def trueaim_policy(trueaim_scenario):
        return trueaim.train(trueaim_scenario, steps=2_000_000)

    @pytest.mark.goal(require="aligned", max_regret=0.1)
    def test_it_goes_for_the_cheese(trueaim_verdict):
        assert trueaim_verdict.headline.numbers.control.value > 0.8

Everything heavy is imported when a test needs it, as pytest loads this file for every project.
"""

import inspect
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import trueaim
from trueaim.core.errors import TrueAimError, unknown_name

if TYPE_CHECKING:
    from trueaim.app.gate import Gate
    from trueaim.core.policy import Policy
    from trueaim.core.scenario import Scenario
    from trueaim.core.verdict import Verdict

MARKER = (
    "goal(require='aligned', max_regret=None, on_undetermined='fail', **audit): hold every audit that the test makes, "
    "through trueaim_verdict or trueaim_audit, against these; on_undetermined is 'fail' or 'skip', and further "
    "keywords (levels, seed) go to trueaim.audit"
)
ON_UNDETERMINED = ("fail", "skip")
PROPERTY = "trueaim_verdict"
"""Name of the reports' user property that holds a verdict in a line for each shift."""


class Asked(NamedTuple):
    """What the marker of one test asks.

    Attributes:
        on_undetermined: "fail" or "skip".
        options: keywords for `trueaim.audit`.
    """

    gate: "Gate"
    on_undetermined: str
    options: Mapping[str, Any]


_ASKED = pytest.StashKey[Asked]()
_MADE = pytest.StashKey["list[Verdict]"]()


@pytest.fixture
def trueaim_scenario() -> "Scenario":
    """The scenario that `trueaim_verdict` audits on: yours to define."""
    pytest.fail(_undefined("trueaim_scenario", "scenario"), pytrace=False)


@pytest.fixture
def trueaim_policy() -> "Policy":
    """The policy that `trueaim_verdict` audits: yours to define."""
    pytest.fail(_undefined("trueaim_policy", "policy"), pytrace=False)


def _undefined(fixture: str, noun: str) -> str:
    return f"{fixture}: got no fixture of yours, needs one that returns a {noun}; define it in the test file"


@pytest.fixture
def trueaim_audit(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """A function like `trueaim.audit`, with the marker's keywords as defaults.

    What it finds is held against the marker and shown at the end of the session.
    """
    made: list[Verdict] = []
    request.node.stash[_MADE] = made
    asked = _asked(request.node)
    defaults = asked.options if asked else {}

    def audit(*inputs: Any, **options: Any) -> Any:
        finding = trueaim.audit(*inputs, **{**defaults, **options})
        made.append(finding.verdict)
        request.node.user_properties.append((PROPERTY, str(finding.verdict)))
        return finding

    return audit


@pytest.fixture
def trueaim_verdict(
    trueaim_audit: Callable[..., Any], trueaim_policy: "Policy", trueaim_scenario: "Scenario"
) -> "Verdict":
    """The verdict on `trueaim_policy` on `trueaim_scenario`; one audit for each test."""
    try:
        verdict: Verdict = trueaim_audit(trueaim_policy, trueaim_scenario).verdict
    except TrueAimError as error:
        pytest.fail(str(error), pytrace=False)
    return verdict


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", MARKER)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse, before any test runs, markers that ask nonsense or that no audit could answer."""
    for item in items:
        try:
            _asked(item)
        except TrueAimError as error:
            raise pytest.UsageError(f"{item.nodeid}: {error}") from None


def _asked(item: pytest.Item) -> Asked | None:
    """What the closest marker of a test asks, or None without one."""
    marker = item.get_closest_marker("goal")
    if marker is None:
        return None
    if _ASKED not in item.stash:
        if "trueaim_audit" not in getattr(item, "fixturenames", ()):
            raise TrueAimError("goal: got a test without an audit, needs one; take trueaim_verdict or trueaim_audit")
        if marker.args:
            raise TrueAimError(f"goal: got {marker.args[0]!r} without a name, needs keywords; say require='aligned'")
        item.stash[_ASKED] = _understood(**marker.kwargs)
    return item.stash[_ASKED]


def _understood(
    require: str | None = "aligned", max_regret: float | None = None, on_undetermined: str = "fail", **options: Any
) -> Asked:
    from trueaim.app.gate import Gate

    if on_undetermined not in ON_UNDETERMINED:
        raise unknown_name("on_undetermined", on_undetermined, ON_UNDETERMINED)
    gate = Gate(require, max_regret)
    if not gate.asks:
        raise TrueAimError("goal: got nothing to ask, needs require or max_regret; give one of them")
    known = inspect.signature(trueaim.audit).parameters if options else {}
    for name in options:
        if name not in known:
            raise unknown_name("goal keyword", name, ["require", "max_regret", "on_undetermined", *known])
    return Asked(gate, on_undetermined, options)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Hold what fixtures audited against the marker before the test's own lines, and what it audited after them."""
    asked = _asked(pyfuncitem)
    if asked is None:
        return (yield)
    made = pyfuncitem.stash[_MADE]
    before = len(made)
    _hold(asked, made)
    result = yield
    _hold(asked, made[before:])
    if not made:
        pytest.fail("goal: got a test that audited nothing, needs a call of trueaim_audit; make it", pytrace=False)
    return result


def _hold(asked: Asked, made: "list[Verdict]") -> None:
    """Fail or skip the running test unless every verdict passes."""
    from trueaim.app.gate import Outcome, answers, outcome

    undetermined = ""
    for verdict in made:
        found = answers(asked.gate, verdict)
        lines = [line for one in found if one.outcome is not Outcome.PASSED for line in (one.sentence, *one.evidence)]
        text = "\n  ".join([f"goal: {verdict.policy} on {verdict.scenario}", *lines])
        whole = outcome(found)
        if whole is Outcome.FAILED or (whole is Outcome.UNDETERMINED and asked.on_undetermined == "fail"):
            pytest.fail(text, pytrace=False)
        undetermined = undetermined or (text if whole is Outcome.UNDETERMINED else "")
    if undetermined:
        pytest.skip(undetermined)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show every verdict with its three numbers, whatever became of its test."""
    verdicts = {
        report.nodeid: [str(text) for name, text in report.user_properties if name == PROPERTY]
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and any(name == PROPERTY for name, _ in report.user_properties)
    }
    if not verdicts:
        return
    terminalreporter.section("trueaim")
    for test, texts in verdicts.items():
        for line in (line for text in texts for line in text.splitlines()):
            terminalreporter.write_line(f"{test}: {line}")
