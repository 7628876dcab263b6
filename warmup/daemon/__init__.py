"""Loops and listeners. They own timers and nothing else; every decision is the engine's."""
