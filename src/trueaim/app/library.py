"""The library in a few lines: train, audit, and what comes back."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trueaim.app.commands import command_of
from trueaim.audit.audit import LEVELS, SEED, Audit
from trueaim.audit.audit import audit as run_audit
from trueaim.core.episodes import Episodes
from trueaim.core.files import replace
from trueaim.core.machine import prepare
from trueaim.core.policy import Policy
from trueaim.core.run import Place
from trueaim.core.scenario import Scenario
from trueaim.core.verdict import Verdict
from trueaim.report.build import build
from trueaim.report.page import render
from trueaim.training.hyperparameters import PPO
from trueaim.training.learn import Plan, default_group
from trueaim.training.learn import train as run_training


@dataclass(frozen=True, eq=False)
class Finding:
    """What an audit found: prints as the verdict with its three numbers, saves as a report.

    Attributes:
        verdict: kinds, numbers, evidence.
        episodes: every audited episode.
        policy: who was audited.
        scenario: on what.
        audit: all of the above with the levels.
        seed: of the audit.
    """

    audit: Audit
    policy: Policy
    scenario: Scenario
    seed: int

    @property
    def verdict(self) -> Verdict:
        """The verdict."""
        return self.audit.verdict

    @property
    def episodes(self) -> Episodes:
        """Every audited episode."""
        return self.audit.episodes

    def __str__(self) -> str:
        return str(self.verdict)

    def html(self) -> str:
        """The report as the text of one HTML page."""
        plan = self.policy.record.get("plan")
        levels = len(next(iter(self.audit.sets.values())).hashes)
        command = command_of(plan, levels, self.seed) if plan else "trueaim.audit(policy, scenario)"
        return render(build(self.policy, self.scenario, self.audit, command, self.seed))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the report to one HTML file that opens offline."""
        replace(Path(path), self.html().encode())
        return Path(path)


def train(
    scenario: Scenario,
    steps: int = 5_000_000,
    seed: int = 0,
    seeds: int = 1,
    alpha: float = 0.0,
    toward: str | None = None,
    folder: str | os.PathLike[str] | None = None,
    **learner: Any,
) -> Policy:
    """Train agents on a scenario.

    Args:
        scenario: from `trueaim.scenario`.
        steps: environment steps for each agent, rounded up to whole chunks.
        seed: of the first agent; the others follow.
        seeds: how many agents.
        alpha: share of training levels from the shift setting `toward`, 0 to 1.
        toward: name of that setting; the first shift by default.
        folder: where checkpoints are kept, so that the same call continues after an interruption; None for nowhere.
        **learner: fields of `trueaim.training.ppo.PPO` (network, width, learning_rate, ...).
    """
    prepare()
    plan = Plan(
        scenario,
        steps,
        tuple(range(seed, seed + seeds)),
        alpha,
        toward or "",
        PPO(**learner),
        exact=os.environ.get("NPROC") == "1",
        group=default_group(),
    )
    return run_training(plan, Place(folder) if folder is not None else None)


def audit(policy: Policy, scenario: Scenario, levels: int = LEVELS, seed: int = SEED) -> Finding:
    """Find out which goal a policy pursues where the scenario's goals part.

    Args:
        policy: from `train`, or a planted one.
        scenario: where to look.
        levels: held-out levels of each setting.
        seed: of the levels and of the actions.
    """
    prepare()
    return Finding(run_audit(policy, scenario, levels=levels, seed=seed), policy, scenario, seed)
