"""Reelmill's render stage: frame descriptions to key frames."""
