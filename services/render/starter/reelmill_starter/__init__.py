"""Draws scenes of reelmill_world and trains the starter model on them."""
