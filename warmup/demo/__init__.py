"""The demonstration: a small world of simulated providers, and a warm-up that runs through it."""
