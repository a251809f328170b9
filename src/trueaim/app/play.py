"""A person plays a scenario: the same levels, goals and steps as agents have, one key at a time."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from trueaim.core.errors import TrueAimError
from trueaim.core.keys import root, stream
from trueaim.core.levels import draw
from trueaim.core.play import Outcome, Running, advance, begin
from trueaim.core.scenario import Map, Scenario

NUM = 32
"""Levels that are drawn at once."""
ARROWS = {"\x1b[A": 0, "\x1b[C": 1, "\x1b[B": 2, "\x1b[D": 3, "\x1bOA": 0, "\x1bOC": 1, "\x1bOB": 2, "\x1bOD": 3}
MOVES = {**ARROWS, **dict(zip("wdsa", range(4), strict=True)), **dict(zip("kljh", range(4), strict=True))}
"""The action of each key: arrows, WASD, and hjkl."""
STAYING = ("stay", "wait", "noop")
"""Actions that the space bar stands for too."""


class Moment(NamedTuple):
    """An episode under way as a person needs it.

    Attributes:
        running: the episode.
        totals: the sum of every goal's scores so far.
        returns: the same, discounted.
        first: the step at which each goal first paid, or -1.
        ending: "" while it lasts, then "terminated" or "truncated".
    """

    running: Running
    totals: np.ndarray
    returns: np.ndarray
    first: np.ndarray
    ending: str = ""


class Game:
    """One person's play of one scenario.

    Undoing is exact, as a level carries its luck. Of each level the first episode that was played to its end counts.

    Attributes:
        scenario: what is played.
        setting: name of the one whose levels are played now.
        number: of the level within it.
        moments: the episode so far, step by step.
        finished: by setting and number of the level, how the first finished episode ended.
        said: a line about what just happened.
    """

    def __init__(self, scenario: Scenario, setting: str = "train", seed: int = 0) -> None:
        if scenario.map is None or scenario.map.scene is None or scenario.map.picture is None:
            raise TrueAimError(f"play: got {scenario.name}, which has no flat map, needs a grid scenario; name another")
        scenario.setting(setting)
        if not 0 <= seed < 2**32:
            raise TrueAimError(f"--seed: got {seed}, needs a whole number from 0 to 2^32 - 1; change it")
        self.scenario, self.flat, self.setting, self.seed = scenario, scenario.map, setting, seed
        self.numbers = dict.fromkeys(scenario.settings, 0)
        self.finished: dict[tuple[str, int], Moment] = {}
        self.tables: dict[tuple[str, int], Any] = {}
        self.said = ""
        self.restart()

    @property
    def number(self) -> int:
        """The number of the level that is played, within its setting."""
        return self.numbers[self.setting]

    @property
    def now(self) -> Moment:
        """The episode as it stands."""
        return self.moments[-1]

    @property
    def extras(self) -> dict[str, int]:
        """The keys of the actions beyond the four moves, and their numbers: digits, and space for staying."""
        names = self.scenario.world.actions[4:]
        found = {str(number): number + 3 for number in range(1, min(9, len(names)) + 1)}
        staying = [number for number, name in enumerate(names, 4) if name in STAYING]
        return {**found, **({" ": staying[0]} if staying else {})}

    def levels(self, setting: str, page: int) -> Any:
        """A table of levels of a setting; level number n is in row n % NUM of page n // NUM."""
        if (setting, page) not in self.tables:
            values = self.scenario.knob_values(self.scenario.setting(setting))
            knobs = {name: jnp.full(NUM, value) for name, value in values.items()}
            self.tables[setting, page] = _drawn(self.scenario, stream(root(self.seed), f"play {setting}", page), knobs)
        return self.tables[setting, page]

    @property
    def table(self) -> Any:
        """The table in which the level is that is played."""
        return self.levels(self.setting, self.number // NUM)

    @property
    def level(self) -> Any:
        """The level that is played."""
        return jax.tree.map(lambda table: table[self.number % NUM], self.table)

    def restart(self) -> None:
        """Begin the level again."""
        nothing = np.zeros(len(self.scenario.goals))
        running = _begun(self.scenario, self.table, jnp.int32(self.number % NUM))
        self.moments = [Moment(running, nothing, nothing, np.full(nothing.shape, -1))]

    def press(self, key: str) -> bool:
        """Do what a key stands for; whether play goes on."""
        self.said = ""
        actions = {**MOVES, **self.extras}
        name = key if key in actions or key.startswith("\x1b") else key.lower()
        if name in actions:
            self.act(actions[name])
        elif name == "u":
            self.moments = self.moments[: max(1, len(self.moments) - 1)]
        elif name == "r":
            self.restart()
        elif name == "n":
            self.numbers[self.setting] += 1
            self.restart()
        elif name == "t":
            settings = list(self.scenario.settings)
            self.setting = settings[(settings.index(self.setting) + 1) % len(settings)]
            self.restart()
        return name != "q"

    def act(self, action: int) -> None:
        """One step; none where the episode is over."""
        before = self.now
        if before.ending:
            self.said = "This episode is over: n for the next level, r to play it again."
            return
        running, outcome = _stepped(self.scenario, self.table, before.running, jnp.int32(action))
        scores = np.array([float(score) for score in outcome.goals])
        ending = "terminated" if bool(outcome.terminated) else "truncated" if bool(outcome.truncated) else ""
        time = int(running.time)
        weight = self.scenario.discount ** (time - 1)
        first = np.where((before.first < 0) & (scores > 0), time, before.first)
        self.moments.append(Moment(running, before.totals + scores, before.returns + weight * scores, first, ending))
        if ending:
            self.finished.setdefault((self.setting, self.number), self.now)
            self.said = "The episode ended." if ending == "terminated" else "Time is up."
            self.said += " n: next level, r: again, t: other setting, q: stop and be judged."

    @property
    def left(self) -> int:
        """Steps until time is up."""
        limit = self.scenario.world.limit(self.table, self.now.running.state)
        return (self.scenario.horizon if limit is None else int(limit)) - int(self.now.running.time)

    def seen(self) -> "View":
        """What there is to draw."""
        state = self.now.running.state
        scene = _scene(self.flat, self.table, state)
        places = np.asarray(scene.places).tolist()
        rows, found = self.flat.drawing(self.level)
        still = [(name, int(place)) for name, place in [*self.flat.marks, *found] if name != "start"]
        names = self.flat.names(self.level)
        moving = set(names)
        things = [(name, place) for name, place in still if name not in moving]
        things += [(name, place) for name, place in zip(names, places, strict=True) if place >= 0]
        held = {name: int(count) for name, count in scene.held.items()}
        return View(rows, things, int(self.flat.place(state)), held, self.flat.told(self.level))

    def picture(self, scale: int) -> np.ndarray:
        """The map in red, green and blue, with so many pixels across a cell."""
        return np.asarray(_picture(self.flat, scale, self.table, self.now.running.state))


class View(NamedTuple):
    """What there is to draw.

    Attributes:
        rows: of `#` for wall and `.`.
        things: name and place of everything that is there now.
        agent: its place.
        held: counters by name.
        told: hints in words.
    """

    rows: list[str]
    things: list[tuple[str, int]]
    agent: int
    held: dict[str, int]
    told: list[str]


@partial(jax.jit, static_argnums=0)
def _drawn(scenario: Scenario, key: Any, knobs: Any) -> Any:
    return draw(scenario, key, knobs, NUM)


@partial(jax.jit, static_argnums=0)
def _begun(scenario: Scenario, levels: Any, index: Any) -> Running:
    return begin(scenario, levels, index)


@partial(jax.jit, static_argnums=0)
def _stepped(scenario: Scenario, levels: Any, running: Running, action: Any) -> tuple[Running, Outcome]:
    return advance(scenario, levels, running, action)


@partial(jax.jit, static_argnums=0)
def _scene(flat: Map, levels: Any, state: Any) -> Any:
    assert flat.scene is not None
    return flat.scene(levels, state)


@partial(jax.jit, static_argnums=(0, 1))
def _picture(flat: Map, scale: int, levels: Any, state: Any) -> Any:
    assert flat.picture is not None
    return flat.picture(levels, state, scale)
