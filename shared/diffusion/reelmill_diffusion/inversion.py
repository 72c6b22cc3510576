"""Learning a style by textual inversion: N vectors of the text space train, the model stays as it is.

MovieLLM (arXiv 2403.01422, section 3.2) fixes a film's style this way: reference images drawn by the model
itself from the style text, one placeholder, both text encoders of XL. Written from the method. Two choices of
ours: the vectors begin as means of the style text's own tokens, which on small models ends nearer to the
references than a random start; and the best vectors on held-out references are kept, not the last.

A character is learned the same way: portraits as references, a token of its own, and the movie's learned
style beside it, which stays as it is.
"""

from collections.abc import Callable, Sequence

from .embedding import MAX_VECTORS, TOKEN, StyleEmbedding
from .errors import Cancelled, InputError
from .inversion_options import InversionOptions, LearnedStyle, Reference, Scores
from .inversion_run import InversionRun, initial_vectors
from .model import DiffusionModel

__all__ = [
    "MAX_REFERENCES",
    "MAX_STEPS",
    "InversionOptions",
    "LearnedStyle",
    "Reference",
    "Scores",
    "initial_vectors",
    "learn_style",
]

MAX_REFERENCES = 64
MAX_STEPS = 5000


def learn_style(
    model: DiffusionModel,
    references: Sequence[Reference],
    style_text: str,
    options: InversionOptions,
    *,
    token: str = TOKEN,
    beside: StyleEmbedding | None = None,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    resume: bytes | None = None,
    keep: Callable[[bytes], None] | None = None,
) -> LearnedStyle:
    """Learns the style of the references. The same inputs on the same machine give the same vectors.

    `token` is what the prompts call it, a style or anything else that the references share; `beside` holds
    what other learned tokens in them stand for. `progress(done, total)` is called after every step,
    `cancelled()` asked before it. `keep` gets a checkpoint after every evaluation; given back as `resume`,
    learning goes on from there to the same result (one of other inputs is ignored). A run that diverges (a
    loss or vectors that are no finite numbers) ends with the best vectors before that, and its scores say so.
    Raises Cancelled, InputError naming the option or `references[i]`, and ModelError where the model computes
    nonsense before anything was learned.
    """
    _check(model, references, options, token)
    if beside is not None:
        beside.check_fits(model.widths)
    run = InversionRun(model, references, style_text, options, token, beside)
    if resume is not None:
        run.restore(resume)
    while not run.stopped_because:
        if cancelled is not None and cancelled():
            raise Cancelled(f"learning stopped at step {run.step} of {options.steps}")
        run.advance()
        if keep is not None and run.just_evaluated:
            keep(run.checkpoint().to_bytes())
        if progress is not None:
            progress(run.step, options.steps)
    return run.result()


def _check(
    model: DiffusionModel, references: Sequence[Reference], options: InversionOptions, token: str
) -> None:
    if not 1 <= len(references) <= MAX_REFERENCES:
        raise InputError("references", f"{len(references)} images are not 1 to {MAX_REFERENCES}")
    for index, reference in enumerate(references):
        if token not in reference.prompt:
            raise InputError(f"references[{index}]", f"its prompt has no {token}")
    if not 1 <= options.steps <= MAX_STEPS:
        raise InputError("steps", f"{options.steps} is not 1 to {MAX_STEPS}")
    most = min(MAX_VECTORS, model.max_vectors)
    if not 1 <= options.vectors <= most:
        raise InputError("vectors", f"{options.vectors} is not 1 to {most}")
