"""What training leaves open, in a scenario of ours or of anyone's: one function for both."""

from collections.abc import Callable
from typing import Any

from trueaim.agents.foreign import policy as foreign_policy
from trueaim.agents.foreign.host import HostPolicy
from trueaim.audit.ambiguity import LEVELS, LEVELS_SEED, MATTERS, Ambiguity
from trueaim.audit.ambiguity import ambiguity as of_levels
from trueaim.audit.foreign.ambiguity import ForeignAmbiguity, foreign_ambiguity, recorded_ambiguity
from trueaim.audit.foreign.scenario import GymScenario, Recorded
from trueaim.audit.foreign.verdict import EPISODES
from trueaim.core.errors import TrueAimError
from trueaim.core.machine import prepare
from trueaim.core.scenario import Scenario


def ambiguity(
    scenario: Scenario | GymScenario | Recorded,
    policy: Any = None,
    levels: int | None = None,
    *,
    alpha: float = 0.0,
    toward: str | None = None,
    matters: float = MATTERS,
    seed: int = LEVELS_SEED,
    show: Callable[[str], None] = lambda stage: None,
) -> Ambiguity | ForeignAmbiguity:
    """Find out which goals training cannot tell apart, before anything is trained.

    Args:
        scenario: from `trueaim.scenario`; or a Gymnasium scenario, best with policies that pursue its goals as
            `references`.
        policy: for a Gymnasium scenario, anyone whose episodes are to be looked at too, as `trueaim.policy` takes it;
            for a record its Parquet file or episodes; else none.
        levels: of each distribution, by default 1,024; in a Gymnasium scenario episodes of each player, by default 256.
        alpha: share of training levels from the shift setting `toward`, 0 to 1.
        toward: name of that setting; the first shift by default.
        matters: share of the intended return whose loss matters.
        seed: of the levels.
        show: told the name of each stage.

    Raises:
        TrueAimError: numbers out of range, or nothing that says what goals are worth.
    """
    prepare()
    if isinstance(scenario, Scenario):
        return of_levels(
            scenario, levels=levels or LEVELS, alpha=alpha, toward=toward, matters=matters, seed=seed, show=show
        )
    if isinstance(scenario, Recorded):
        if policy is None:
            raise TrueAimError(f"{scenario.name}: got no record, needs a Parquet file of steps; pass it as policy=")
        return recorded_ambiguity(policy, scenario)
    host = None if policy is None else foreign_policy(policy)
    if host is not None and not isinstance(host, HostPolicy):
        raise TrueAimError(f"policy: got {host.name!r}, trained on levels of ours, needs one for {scenario.name}")
    return foreign_ambiguity(
        scenario, host, levels=levels or EPISODES, alpha=alpha, toward=toward, matters=matters, seed=seed, show=show
    )
