"""Networks: an observation and a memory in, action logits, a value and a memory out.

`window`, the default, sees what is around the agent and where each thing lies on the map; on a CPU it learns mazes
several times faster than `flat`, which sees the map as one vector. `pixels` sees pictures. What ends in `gru` remembers
what it saw since the episode began.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from jaxtyping import Array, Key

from trueaim.agents.networks.conv import conv
from trueaim.agents.networks.flat import flat
from trueaim.agents.networks.layers import Outputs, heads
from trueaim.agents.networks.network import Network
from trueaim.agents.networks.pixels import pixels
from trueaim.agents.networks.recurrent import gru
from trueaim.agents.networks.window import window
from trueaim.core.errors import TrueAimError, unknown_name
from trueaim.core.keys import stream
from trueaim.core.scenario import Cells, Pixels

__all__ = ["ALL", "Kind", "Network", "Outputs", "build", "check"]


class Kind(NamedTuple):
    """How a network is made.

    Attributes:
        eye: its first layers, from a key, what is seen, and a width.
        sees: what kind of observation that must be.
        remembers: whether it has a memory.
    """

    eye: Callable[[Key[Array, ""], Any, int], Any]
    sees: type[Cells] | type[Pixels] = Cells
    remembers: bool = False


ALL: dict[str, Kind] = {
    "window": Kind(window),
    "flat": Kind(flat),
    "conv": Kind(conv),
    "pixels": Kind(pixels, Pixels),
    "gru": Kind(window, remembers=True),
    "flat_gru": Kind(flat, remembers=True),
    "conv_gru": Kind(conv, remembers=True),
    "pixels_gru": Kind(pixels, Pixels, remembers=True),
}
"""Networks by name, as in `--network`."""


def check(name: str, spec: Cells | Pixels) -> None:
    """Raise `TrueAimError` unless there is a network of this name and it can see such observations."""
    if name not in ALL:
        raise unknown_name("network", name, ALL)
    if not isinstance(spec, ALL[name].sees):
        shown = "pictures" if isinstance(spec, Pixels) else "maps of cells"
        able = [other for other, kind in ALL.items() if isinstance(spec, kind.sees)]
        raise TrueAimError(f"network: got {name!r} where {shown} are seen, needs one of: {', '.join(able)}; change it")


def build(key: Key[Array, ""], name: str, spec: Cells | Pixels, num_actions: int, width: int = 128) -> Network:
    """A new network.

    Args:
        key: of its weights.
        name: one of `ALL`.
        spec: what it sees.
        num_actions: how many logits it gives.
        width: of its hidden layers and its memory.

    Raises:
        TrueAimError: there is no such network, or it cannot see this.
    """
    check(name, spec)
    eye = ALL[name].eye(stream(key, "eye"), spec, width)
    core = gru(stream(key, "core"), width) if ALL[name].remembers else None
    return Network(eye, core, heads(stream(key, "heads"), width, num_actions))
