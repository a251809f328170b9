"""Minimal counterfactual edits: the fewest changes to a level that turn what agents pursue there.

An edit secures, removes or moves what a goal is about, or adds or removes a wall. Sets of edits are tried by size, all
of one size before any larger one. A set *turns* an agent on a level if its answer (the goal that is paid first, and
where; where it ends, if none is) is another one than

- on the level as it was: else it pursues what it did, by another way;
- that of the same agent unaware of the edit, on the edited level: else the world did it, not the agent.

All episodes of an agent on a level have the same random numbers, whatever the edit. They are played with several
streams of them, and a set turns the agent if it does so in more than half: a way that passes something by luck is no
answer. Other random numbers with nothing edited are the null edit; where that turns an agent, its answer is luck (it is
lost, or acts at random), so that no edit can be said to turn it.

A set is minimal if it turns the agent, no tried set of fewer edits does, and none of as many that changes only some of
the same things. That no set less one edit turns it is looked up in what was played, and reported.

Source: minimal edits as explanations, after Wachter, Mittelstadt & Russell 2017, Counterfactual explanations without
opening the black box (arXiv 1711.00399); edits of levels held against unaware twins are ours. When wrong: minimal is
among the sets tried (one place to move to, a few walls), so others may turn the agent too; without a map nobody knows
where a goal was paid, and only that another one is counts.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from trueaim.audit.intervals import Interval, hierarchical
from trueaim.audit.interventions import EDITS, unaware
from trueaim.core.edits import Edited
from trueaim.core.errors import TrueAimError
from trueaim.core.keys import stream
from trueaim.core.levels import level_hashes
from trueaim.core.policy import Policy
from trueaim.core.scenario import Scenario
from trueaim.training.rollout import NEVER, walk

MOST = 2
"""Edits at once."""
WALLS = 2
"""Walls added, and as many removed, that are tried on each level."""
DRAWS = 5
"""Streams of random numbers; odd, so that most of them turn an agent or most do not."""
A_WALL = "a wall"
WALL_EDITS = ("added", "removed")


class Edit(NamedTuple):
    """One edit: of a goal's things (`how` is one of `EDITS`), or of `A_WALL` (`WALL_EDITS`), which of several drawn."""

    what: str
    how: str
    number: int = 0


Edits = tuple[Edit, ...]
Type = tuple[str, ...]
"""Of a set: `what` of each of its edits, in order."""
Turns = Bool[np.ndarray, "agent level"]
Answers = Int[np.ndarray, "draw agent level part"]
"""By stream of random numbers: the goal that was paid first (-1: none), and where that was."""


class Explained(NamedTuple):
    """What turns one agent on one level.

    Attributes:
        agent, level: their numbers.
        minimal: every minimal set, once for each level that it makes. None where nothing tried turns the agent, or luck
            alone does.
        names: by minimal set, its types; more than one where goals are about the same things.
        verified: whether each minimal set, less each of its edits in turn, was played and turned nobody.
    """

    agent: int
    level: int
    minimal: tuple[Edits, ...]
    names: tuple[tuple[Type, ...], ...]
    verified: bool

    @property
    def size(self) -> int | None:
        """Edits in a minimal set; None where nothing turns the agent."""
        return len(self.minimal[0]) if self.minimal else None

    @property
    def unique(self) -> bool:
        """Whether there is one minimal set alone."""
        return len(self.minimal) == 1

    @property
    def types(self) -> frozenset[Type]:
        """What all minimal sets are edits of: one entry where one thing, however it is edited, is what turns them."""
        return frozenset.intersection(*map(frozenset, self.names)) if self.names else frozenset()

    @property
    def kinds(self) -> frozenset[tuple[Type, str]]:
        """The types of all minimal sets, with how each is made: "moved", or "moved + removed"."""
        pairs = zip(self.minimal, self.names, strict=True)
        return frozenset((what, " + ".join(edit.how for edit in chosen)) for chosen, names in pairs for what in names)


class Share(NamedTuple):
    """How often edits of one type turn agents: shares of the (agent, level) where any set does.

    Attributes:
        what: the type.
        alone: where all minimal sets are of this type: it is the one thing that turns them.
        minimal: where some minimal set is.
        how: by way of making it ("moved", or "moved + removed"), where such a set of this type is minimal.
        same: types that are alone on the very same levels: goals about the same things.
    """

    what: Type
    alone: Interval
    minimal: Interval
    how: dict[str, Interval]
    same: tuple[Type, ...] = ()


class Counterfactuals(NamedTuple):
    """What turns the agents of a policy. Intervals are over agents and levels.

    Attributes:
        explained: by agent, then level.
        shares: the types that are minimal anywhere, the most often alone first.
        flippable: the share of (agent, level) that any set turns.
        null: the share that other random numbers turn with nothing edited; these count as not flippable.
        verified: the share of flippable ones whose minimal sets were verified.
        sets: how many were tried.
        most: edits at once.
    """

    explained: tuple[Explained, ...]
    shares: tuple[Share, ...]
    flippable: Interval
    null: Interval
    verified: float
    sets: int
    most: int


class Tried(NamedTuple):
    """A set of edits: `Edited` levels after all of them, hashes of the levels, and whom it turns."""

    levels: Any
    changed: Bool[np.ndarray, " level"]
    parts: Bool[np.ndarray, "level part"]
    hashes: tuple[str, ...]
    turns: Turns


Offer = Callable[[Any], Edited | None]


def counterfactuals(
    policy: Policy,
    scenario: Scenario,
    levels: Any,
    key: Key[Array, ""],
    edits: Sequence[str] = EDITS,
    walls: int = WALLS,
    most: int = MOST,
    draws: int = DRAWS,
) -> Counterfactuals:
    """The smallest sets of edits that turn what a policy's agents pursue, by agent and level, and of what they are.

    Args:
        policy: whose agents.
        scenario: with `edits`.
        levels: a table of levels, best of a shift on which the goals part.
        key: of the actions, of where things are moved, and of which walls are changed.
        edits: of things, which of `EDITS`.
        walls: how many added ones, and how many removed ones, are tried on each level; 0 leaves walls alone.
        most: edits at once, at least 1.
        draws: streams of random numbers, at least 1.

    Raises:
        TrueAimError: where the scenario can make no edits, or an edit is unknown, or a number is too small.
    """
    _check(scenario, edits, walls=walls, most=most, draws=draws)
    before = _answers(scenario, policy, levels, key, draws, "actions")
    luck = _unlike(_answers(scenario, policy, levels, key, draws, "other actions"), before)
    blind = unaware(scenario, policy, levels)

    def turned(edited: Any) -> Turns:
        seen, unseen = (_answers(scenario, who, edited, key, draws, "actions") for who in (policy, blind))
        return _unlike(seen, unseen, before) & ~luck

    tried = _tried(levels, _offered(scenario, edits, walls, key), turned, most, ~luck)
    explained = tuple(_explained(tried, agent, level) for agent, level in np.ndindex(luck.shape))
    flippable = _share(np.array([bool(each.minimal) for each in explained], float).reshape(luck.shape))
    verified = [each.verified for each in explained if each.minimal]
    share = float(np.mean(verified)) if verified else float("nan")
    null, shares = _share(luck.astype(float)), _shares(explained, luck.shape)
    return Counterfactuals(explained, shares, flippable, null, share, len(tried), most)


def sentence(found: Counterfactuals) -> str:
    """What turns the agents, in words."""
    if not found.shares:
        return f"no set of up to {found.most} edits turns them; luck alone does on {found.null.value:.0%} of levels"
    best = found.shares[0]
    hows = ", ".join(f"{how} {each.value:.0%}" for how, each in best.how.items())
    what = " or ".join(" and ".join(each) for each in (best.what, *best.same))
    bounds = "" if np.isnan(best.alone.low) else f" [{best.alone.low:.0%}, {best.alone.high:.0%}]"
    where = f"on {best.alone.value:.0%}{bounds} of levels where any change does"
    rest = f"{found.flippable.value:.0%} of all; luck alone turns them on {found.null.value:.0%}"
    return f"changing {what} ({hows}) is the one change that turns them, {where} ({rest})"


def _check(scenario: Scenario, edits: Sequence[str], walls: int, most: int, draws: int) -> None:
    if scenario.edits is None:
        raise TrueAimError(f"{scenario.name}: got no counterfactual edits, needs them to explain; audit it instead")
    if odd := set(edits) - set(EDITS):
        raise TrueAimError(f"edits: got {sorted(odd)[0]!r}, needs some of {', '.join(EDITS)}; choose among them")
    for name, number, least in (("walls", walls, 0), ("most", most, 1), ("draws", draws, 1)):
        if number < least:
            raise TrueAimError(f"{name}: got {number}, needs at least {least}; raise it")


def _offered(scenario: Scenario, edits: Sequence[str], walls: int, key: Key[Array, ""]) -> dict[Edit, Offer]:
    """What can be tried, as functions of a table of levels. Moves have one key: goals about one thing move it alike."""
    assert scenario.edits is not None
    offered: dict[Edit, Offer] = {}
    for number, goal in enumerate(scenario.goal_names):
        for how in edits:
            more = {"key": stream(key, "moves")} if how == "moved" else {}
            offered[Edit(goal, how)] = partial(getattr(scenario.edits, how), goal=number, **more)
    for number in range(walls):
        for how in WALL_EDITS:
            change = getattr(scenario.edits, f"wall_{how}")
            offered[Edit(A_WALL, how, number)] = partial(change, key=stream(key, f"wall {how}", number))
    return offered


def _answers(scenario: Scenario, policy: Policy, levels: Any, key: Key[Array, ""], draws: int, purpose: str) -> Answers:
    found = []
    for draw in range(draws):
        results, places = walk(scenario, policy, levels, stream(key, purpose, draw))
        first, length = np.asarray(results.first), np.asarray(results.length)
        times = np.where(first == NEVER, np.iinfo(first.dtype).max, first)
        paid = (first != NEVER).any(-1)
        end = np.where(paid, times.min(-1), length)
        place = np.take_along_axis(np.asarray(places), end[..., None], -1)[..., 0]
        found.append(np.stack([np.where(paid, times.argmin(-1), -1), place], -1))
    return np.stack(found)


def _unlike(one: Answers, *others: Answers) -> Turns:
    """Whether, in more than half of the draws, answers are unlike each of the others."""
    return np.asarray(np.all([(one != other).any(-1) for other in others], axis=0).mean(0) > 0.5)


def _tried(
    levels: Any, offered: dict[Edit, Offer], turned: Callable[[Any], Turns], most: int, is_open: Turns
) -> dict[Edits, Tried]:
    """All sets of up to `most` edits, size by size, that change an open level which no smaller set turns.

    Sets that make the same levels are played once.
    """
    tried: dict[Edits, Tried] = {}
    played: dict[tuple[str, ...], Turns] = {}
    for size in range(1, most + 1):
        turns = np.zeros_like(is_open)
        for chosen in _sets(offered, size):
            made = _made(levels, offered, chosen, tried)
            if made is None or not (is_open & made.changed).any():
                continue
            if made.hashes not in played:
                played[made.hashes] = turned(made.levels)
            tried[chosen] = made._replace(turns=played[made.hashes] & made.changed)
            turns |= tried[chosen].turns
        is_open = is_open & ~turns
    return tried


def _sets(offered: dict[Edit, Offer], size: int) -> Iterator[Edits]:
    """Sets of so many edits, none of them of the same goal."""
    for chosen in combinations(offered, size):
        goals = [edit.what for edit in chosen if edit.what != A_WALL]
        if len(set(goals)) == len(goals):
            yield chosen


def _made(levels: Any, offered: dict[Edit, Offer], chosen: Edits, tried: dict[Edits, Tried]) -> Tried | None:
    """A set whose edits are made in order, none of them of the same thing; None where one cannot be made."""
    before = tried.get(chosen[:-1])
    if len(chosen) > 1 and before is None:
        return None
    done = offered[chosen[-1]](levels if before is None else before.levels)
    if done is None:
        return None
    changed = np.asarray(done.changed)
    parts = np.zeros((changed.size, 1), bool) if done.parts is None else np.asarray(done.parts)
    if before is not None:
        changed, parts = before.changed & changed & ~(before.parts & parts).any(-1), before.parts | parts
    return Tried(done.levels, changed, parts, tuple(level_hashes(done.levels)), np.zeros((0, changed.size), bool))


def _explained(tried: dict[Edits, Tried], agent: int, level: int) -> Explained:
    turning = [chosen for chosen, each in tried.items() if each.turns[agent, level]]
    smallest = [chosen for chosen in turning if len(chosen) == min(map(len, turning))]
    parts = [tried[chosen].parts[level] for chosen in smallest]
    minimal: dict[str, list[Edits]] = {}
    for chosen, mine in zip(smallest, parts, strict=True):
        if not any(theirs.any() and (theirs <= mine).all() and (theirs != mine).any() for theirs in parts):
            minimal.setdefault(tried[chosen].hashes[level], []).append(chosen)
    return Explained(
        agent,
        level,
        tuple(same[0] for same in minimal.values()),
        tuple(tuple(tuple(edit.what for edit in chosen) for chosen in same) for same in minimal.values()),
        bool(minimal) and all(_verified(tried, chosen, agent, level) for same in minimal.values() for chosen in same),
    )


def _verified(tried: dict[Edits, Tried], chosen: Edits, agent: int, level: int) -> bool:
    """Whether the set less each of its edits was played and turned nobody; with none left, the level is as it was."""
    rests = [tried.get(rest) for rest in combinations(chosen, len(chosen) - 1) if rest]
    return all(rest is not None and rest.changed[level] and not rest.turns[agent, level] for rest in rests)


def _shares(explained: Sequence[Explained], shape: tuple[int, ...]) -> tuple[Share, ...]:
    kinds = [each.kinds for each in explained]
    is_turned = np.array([bool(kind) for kind in kinds])

    def table(flags: Sequence[bool]) -> Float[np.ndarray, "agent level"]:
        return np.where(is_turned, flags, np.nan).reshape(shape)

    types = sorted({what for kind in kinds for what, _ in kind})
    alone = {what: table([what in each.types for each in explained]) for what in types}
    shares = []
    for what, own in alone.items():
        hows = sorted({how for kind in kinds for name, how in kind if name == what})
        some = table([what in {name for name, _ in kind} for kind in kinds])
        by_how = {how: _share(table([(what, how) in kind for kind in kinds])) for how in hows}
        same = (name for name in types if name != what and np.array_equal(alone[name], own, equal_nan=True))
        shares.append(Share(what, _share(own), _share(some), by_how, tuple(same) if np.nansum(own) else ()))
    return tuple(sorted(shares, key=lambda share: (-share.alone.value, -share.minimal.value)))


def _share(values: Float[np.ndarray, "agent level"]) -> Interval:
    """The mean of zeros and ones, with bounds from 0 to 1."""
    found = hierarchical(values)
    return found._replace(low=float(np.clip(found.low, 0, 1)), high=float(np.clip(found.high, 0, 1)))
