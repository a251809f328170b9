"""Worlds: what moves. A world knows no reward."""
