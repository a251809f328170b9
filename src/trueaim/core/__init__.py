"""The nouns: goal, scenario, level, policy, episodes, verdict; and the files they are kept in."""
