"""Draws a SceneDescription in a StyleVector."""

from reelmill_starter.drawing.render import Drawing, draw

__all__ = ["Drawing", "draw"]
