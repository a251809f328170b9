"""The scenarios as Gymnasium environments: `single.ScenarioEnv`, and `vector.ScenarioVectorEnv` for whole batches."""
