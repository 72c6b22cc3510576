"""Reelmill by HTTP: webhooks that ask for movies."""
