"""Anyone's environment: Gymnasium environments and recorded trajectories, played and scored for an audit."""
