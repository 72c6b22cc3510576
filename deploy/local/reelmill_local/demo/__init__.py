"""`make demo`: a movie from one line, shown on one page."""
