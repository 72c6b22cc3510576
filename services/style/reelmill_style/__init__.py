"""Reelmill's style stage: learns a movie's style by textual inversion."""
