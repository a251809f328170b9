"""The platform world: CoinRun's physics, levels built from sections, and facts that goals score."""
