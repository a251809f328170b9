"""The report's payload from an audit of someone else's policy in someone else's environment."""

from trueaim.agents.foreign.host import HostPolicy
from trueaim.audit.foreign.scenario import TRAIN, GymScenario, Recorded
from trueaim.audit.foreign.verdict import ForeignAudit
from trueaim.core.goal import Goal
from trueaim.report.build import card, provenance, table_rows
from trueaim.report.payload import GoalInfo, Payload, PolicyInfo, ScenarioInfo, SettingInfo
from trueaim.report.sentences import title

COMMAND = "trueaim.audit(policy, scenario)"


def build_foreign(policy: HostPolicy | None, scenario: GymScenario | Recorded, found: ForeignAudit) -> Payload:
    """Everything on the page: verdicts, their evidence and the table; unknown worlds have no maps and replays."""
    verdict = found.verdict
    return Payload(
        title=title(scenario.name, verdict.kind),
        scenario=_scenario(scenario),
        policy=PolicyInfo(
            name=verdict.policy,
            agents=len(verdict.agents),
            seeds=tuple(verdict.agents),
            description=f"Not trained here: {policy.agents[0].detected.kind if policy else 'recorded episodes'}.",
        ),
        verdicts=tuple(card(verdict, shift) for shift in verdict.shifts),
        settings=tuple(
            SettingInfo(
                name=name,
                role="train" if name == TRAIN else "shift",
                levels=len(set(found.episodes.of(name).level.tolist())),
                levels_hash=verdict.level_hashes[name],
            )
            for name in scenario.settings
        ),
        table=tuple(table_rows(verdict)),
        provenance=provenance({}, verdict, COMMAND),
    )


def _scenario(scenario: GymScenario | Recorded) -> ScenarioInfo:
    return ScenarioInfo(
        name=scenario.name,
        title=scenario.name.replace("_", " "),
        claim=f"The policy may pursue another goal than {scenario.goal_names[0]}.",
        source_text="an environment of your own",
        horizon=scenario.horizon if isinstance(scenario, GymScenario) else None,
        discount=scenario.discount,
        goals=tuple(_goal(goal, number == 0) for number, goal in enumerate(scenario.goals)),
    )


def _goal(goal: Goal | str, is_intended: bool) -> GoalInfo:
    if isinstance(goal, Goal):
        return GoalInfo(name=goal.name, role=str(goal.role), description=goal.description)  # type: ignore[arg-type]
    return GoalInfo(name=goal, role="intended" if is_intended else "rival", description="")
