"""Reelmill by HTTP: webhooks that ask for movies, and every call as JSON."""
