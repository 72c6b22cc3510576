"""Says whether a picture shows what its words say, and whether it is drawn in its style.

Nothing here imports PyTorch before `load_judge` is called: services that only compare embeddings do without.
"""

from .bank import Bank
from .base import FactJudge, Judge, JudgeError, load_judge
from .scores import Score, centroid, distinct, style_score, text_score
from .words import content_words

__all__ = [
    "Bank",
    "FactJudge",
    "Judge",
    "JudgeError",
    "Score",
    "centroid",
    "content_words",
    "distinct",
    "load_judge",
    "style_score",
    "text_score",
]
