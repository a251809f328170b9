"""Citations as data, so that every scenario and method can say where it comes from."""

from typing import NamedTuple


class Citation(NamedTuple):
    """A source.

    Attributes:
        text: authors, year and title, as one line.
        url: where to read it, or None.
        part: which part of it is meant ("Maze I", "section 3.1").
    """

    text: str
    url: str | None = None
    part: str = ""

    def __str__(self) -> str:
        return f"{self.text}{', ' + self.part if self.part else ''}"


def langosco_2022(part: str = "") -> Citation:
    """Goal Misgeneralization in Deep Reinforcement Learning."""
    text = "Langosco, Koch, Sharkey, Pfau, Orseau & Krueger 2022, Goal Misgeneralization in Deep Reinforcement Learning"
    return Citation(text, "https://arxiv.org/abs/2105.14111", part)


def shah_2022(part: str = "") -> Citation:
    """Goal Misgeneralization: Why Correct Specifications Aren't Enough For Correct Goals."""
    text = "Shah, Varma, Kumar, Phuong, Krakovna, Uesato & Kenton 2022, Goal Misgeneralization"
    return Citation(text, "https://arxiv.org/abs/2210.01790", part)


def abdel_sadek_2025(part: str = "") -> Citation:
    """Mitigating Goal Misgeneralization via Minimax Regret."""
    text = "Abdel Sadek, Farrugia-Roberts, Anwar, Erlebach, Schroeder de Witt, Krueger & Dennis 2025, Minimax Regret"
    return Citation(text, "https://arxiv.org/abs/2507.03068", part)
