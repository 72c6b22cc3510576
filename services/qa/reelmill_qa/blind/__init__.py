"""The blind test: what a reader finds out who never saw the movie, and what is done about it."""

from .guesser import Counts, Guesser, other_movies
from .trial import BlindTester

__all__ = ["BlindTester", "Counts", "Guesser", "other_movies"]
