"""Studies: one file becomes many jobs, run by as many processes as there are, and read back as one table."""
