"""Keys from a terminal, one at a time, or from a pipe; and what brings game, screen and verdict together."""

import os
import re
import select
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from rich.console import Console
from rich.markup import escape

from trueaim.app import play_judge, play_screen
from trueaim.app.play import Game
from trueaim.core.errors import TrueAimError
from trueaim.core.scenario import Scenario

try:
    import termios
    import tty
except ImportError:  # not on Windows: there keys come through a pipe
    termios = tty = None  # type: ignore[assignment]

KEY = re.compile(r"\x1b[\[O][A-D]|\x1b\[[0-9;]*[~A-Z]|.", re.DOTALL)
"""An arrow, another special key, or a character."""
LOOK_AGAIN_SECONDS = 0.25
"""How often the size of the terminal is looked at while no key is pressed."""


def split(text: str) -> list[str]:
    """The keys in a text, arrows whole; line ends are none."""
    return [key for key in KEY.findall(text) if key not in "\r\n"]


@contextmanager
def one_at_a_time(descriptor: int) -> Iterator[Callable[[], None]]:
    """A terminal that gives every key at once and shows none; as it was when the block ends, however it ends.

    What comes with it raises once a signal has asked to stop. Its handler raises as well, but where a signal finds a
    callback of the garbage collector at work, what is raised there is dropped.
    """
    before = termios.tcgetattr(descriptor)
    asked: list[int] = []

    def go_on() -> None:
        if asked:
            raise KeyboardInterrupt if asked[0] == signal.SIGINT else SystemExit(128 + asked[0])

    def stop(number: int, frame: Any) -> None:
        asked.append(number)
        go_on()

    handlers = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        tty.setcbreak(descriptor, termios.TCSADRAIN)
        changed = termios.tcgetattr(descriptor)
        changed[6][termios.VSUSP] = b"\x00"  # a stopped game would leave the terminal without its shell's settings
        termios.tcsetattr(descriptor, termios.TCSADRAIN, changed)
        yield go_on
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def on_terminal(game: Game, descriptor: int, out: Console) -> None:
    """Play until the person stops, or the terminal is gone."""
    with one_at_a_time(descriptor) as go_on, out.screen(hide_cursor=True) as shown:
        size: tuple[int, int] | None = None
        while True:
            go_on()
            if size != tuple(out.size):
                size = (out.size.width, out.size.height)
                shown.update(play_screen.screen(game, *size))
            ready, _, _ = select.select([descriptor], [], [], LOOK_AGAIN_SECONDS)
            if not ready:
                continue
            read = os.read(descriptor, 1024).decode(errors="ignore")
            if not read:
                return
            for key in split(read):
                if not game.press(key):
                    return
            size = None


def from_pipe(game: Game, lines: IO[str]) -> None:
    """Play the keys in these lines, until q or their end."""
    for line in lines:
        for key in split(line):
            if not game.press(key):
                return


def play(scenario: Scenario, setting: str, seed: int, out: Console, source: IO[str] | None = None) -> dict[str, Any]:
    """Let a person play; what came of it, as data.

    Args:
        scenario: what is played; needs a flat map.
        setting: with whose levels to begin.
        seed: of the levels.
        out: where the game is drawn, if it and the source are a terminal; else nothing is drawn.
        source: where keys come from; by default standard input.
    """
    source = source or sys.stdin
    is_terminal = source.isatty() and out.is_terminal
    if is_terminal and termios is None:
        raise TrueAimError("play: got a terminal that gives no single keys, needs one that does; pipe the keys in")
    with out.status("  drawing levels") if is_terminal else _silence():
        game = Game(scenario, setting, seed)
        game.seen()
    if is_terminal:
        on_terminal(game, source.fileno(), out)
    else:
        from_pipe(game, source)
    with out.status("  comparing with the best that can be done") if is_terminal else _silence():
        found = play_judge.result(game)
    _say(game, found, out)
    return found


@contextmanager
def _silence() -> Iterator[None]:
    yield


def _say(game: Game, found: dict[str, Any], out: Console) -> None:
    """A few lines about what came of it."""
    for row in found["episodes"]:
        goals = ", ".join(
            f"{goal} {value:.2f}" + (f" of {row['best'][goal]:.2f}" if row["best"][goal] is not None else "")
            for goal, value in row["returns"].items()
        )
        out.print(escape(f"{row['setting']}, level {row['level']}: {row['steps']} steps, {goals}"))
    if not found["episodes"]:
        out.print("No level was played to its end, so there is nothing to judge.")
    for verdict in found["verdicts"]:
        out.print(f"[bold]you[/]  {escape(verdict['sentence'])}")
    if found["episodes"] and not found["verdicts"]:
        out.print("You played training levels only, where the goals agree; press t to see them part.")
    out.print(
        f"Thanks for playing. next: trueaim train {escape(game.scenario.name)}, and see what an agent makes of it"
    )
