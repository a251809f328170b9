"""Agents: networks, and planted policies whose goal is known."""
