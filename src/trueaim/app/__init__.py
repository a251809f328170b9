"""The command line, and the library in a few lines."""
