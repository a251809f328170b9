"""Grid worlds: layouts, moves, distances, exact plans, text and pictures."""
