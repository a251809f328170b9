"""Goal inference: which goal explains what an agent does, how sure that is, and how goal-directed it is at all."""
