"""Themes for many movies, invented one for each genre."""

from .domain import Inventor, Themes, ThemesRequest

__all__ = ["Inventor", "Themes", "ThemesRequest"]
