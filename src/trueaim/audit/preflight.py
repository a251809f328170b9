"""The check before any verdict: that the audit sees the policy which training saw.

A wrong harness looks exactly like a wrong goal (a missing normalization, a wrong reset), so the in-distribution return
is measured again and held against what training logged.
"""

import numpy as np

from trueaim.core.episodes import Episodes
from trueaim.core.policy import Policy
from trueaim.core.verdict import Preflight

MARGIN = 0.03
"""A difference of mean returns that is never held against a policy."""
ERRORS = 4.0
"""Standard errors of the difference that are allowed beyond that."""


def preflight(policy: Policy, episodes: Episodes) -> Preflight:
    """Compares each agent's intended return on training levels with the last one that training logged."""
    curves = policy.record.get("curves")
    if curves is None:
        return Preflight(passed=None, sentence="No logged return to compare with: this policy was not trained here.")
    goal = episodes.goals[0]
    worst, sentence = 0.0, ""
    train = episodes.of("train")
    for agent in train.agents:
        again = train.returns[train.agent == agent, 0]
        logged, logged_error = curves.last(f"return/train/{goal}", agent), curves.last(f"error/train/{goal}", agent)
        error = np.hypot(again.std(ddof=1) / len(again) ** 0.5, logged_error)
        excess = abs(again.mean() - logged) / max(MARGIN, ERRORS * error)
        if not excess < worst:  # also where it is NaN, which no later agent may hide
            worst = excess if np.isfinite(excess) else np.inf
            sentence = (
                f"agent {agent}: in-distribution {goal} return {again.mean():.3f}, logged by training {logged:.3f}"
            )
    if not np.isfinite(worst):
        return Preflight(passed=False, sentence=f"Training logged no finite return ({sentence}).")
    if worst > 1:
        return Preflight(passed=False, sentence=f"The audit does not see what training saw ({sentence}).")
    return Preflight(
        passed=True, sentence=f"The in-distribution return is what training logged (furthest off: {sentence})."
    )
