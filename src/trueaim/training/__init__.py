"""Training: rollouts, PPO, curves, checkpoints."""
