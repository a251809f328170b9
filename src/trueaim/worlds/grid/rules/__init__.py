"""The rules of grid worlds, one family to a file."""
