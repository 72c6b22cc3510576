"""Trains the judge: another pair of eyes for the renderer's world, with other seeds and nothing shared."""
