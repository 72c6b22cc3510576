"""Reelmill by HTTP: webhooks that ask for movies, every call as JSON, callbacks."""
