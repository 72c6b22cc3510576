"""What may be asked for. Nothing is started before all of it is checked; an error names the field."""

import asyncio

from reelmill.v1 import movies_pb2, script_pb2
from reelmill_kit import images, validation
from reelmill_kit.destinations import Destinations
from reelmill_kit.errors import invalid
from reelmill_kit.names import MovieName, ProjectName
from reelmill_kit.store import ObjectStore
from reelmill_kit.story_store import read_story

_NEGATIVE_PROMPT_LENGTH = 1000
_DEFAULT_SHAPE = script_pb2.ScriptShape(chapters=3, scenes=3, frames=3)
_OUTPUT_ONLY = (
    "name",
    "state",
    "stages",
    "failure",
    "title",
    "style_name",
    "request_id",
    "revision",
    "create_time",
    "update_time",
    "end_time",
    "artefacts_uri",
    "usage",
    "batch",
    "paused",
    "etag",
)
PRIORITIES = range(-100, 101)


class RequestChecker:
    def __init__(self, store: ObjectStore, model_name: str, destinations: Destinations | None = None) -> None:
        """`destinations`: where callbacks may go; by default to public addresses by https alone."""
        self._store = store
        self._model_name = model_name
        self._destinations = destinations or Destinations()

    async def check(self, request: movies_pb2.CreateMovieRequest) -> tuple[MovieName, str, movies_pb2.Movie]:
        """Returns the movie's name, the request id and what was asked for with its defaults filled in.

        Raises INVALID_FIELD naming the field.
        """
        project = ProjectName.parse(request.parent, "parent").project
        request_id = validation.request_id(request.request_id)
        asked = await self.check_movie(project, request.movie, "movie")
        return MovieName.for_request(project, request_id), request_id, asked

    async def check_movie(self, project: str, movie: movies_pb2.Movie, field: str) -> movies_pb2.Movie:
        """What is asked for with its defaults filled in. `field`: where the movie is in the request."""
        asked = checked(movie, self._model_name, field)
        if movie.callback_uri:
            asked.callback_uri = self._destinations.check(movie.callback_uri, f"{field}.callback_uri")
        if asked.story_key:
            validation.object_key(asked.story_key, project, f"{field}.story_key")
            story = await read_story(self._store, asked.story_key, f"{field}.story_key")
            chapters, scenes, frames = story.shape
            asked.shape.chapters, asked.shape.scenes, asked.shape.frames = chapters, scenes, frames
        for index, key in enumerate(asked.reference_keys):
            await self._check_reference(project, key, f"{field}.reference_keys[{index}]")
        if asked.learned_style:
            await self._check_learned_style(project, asked.learned_style, f"{field}.learned_style")
        return asked

    async def _check_reference(self, project: str, key: str, field: str) -> None:
        validation.object_key(key, project, field)
        if not await self._store.exists(key):
            raise invalid(field, f"there is no object {key[:200]!r}")
        data = await self._store.get(key)
        await asyncio.to_thread(images.check, data, field)

    async def _check_learned_style(self, project: str, name: str, field: str) -> None:
        prefix = f"projects/{project}/styles/"
        style = name.removeprefix(prefix)
        known = name.startswith(prefix) and style.isalnum()
        if not known or not await self._store.exists(f"{prefix}{style}/style.json"):
            raise invalid(field, f"{name[:120]!r} is no style that was learned in this project")


def checked(movie: movies_pb2.Movie, model_name: str, field: str) -> movies_pb2.Movie:
    """The input fields of a movie, checked and with defaults; output fields must not be set."""
    for given, _ in movie.ListFields():
        if given.name in _OUTPUT_ONLY:
            raise invalid(f"{field}.{given.name}", "is set by the service; leave it out")
    asked = movies_pb2.Movie(
        theme=validation.theme(movie.theme, f"{field}.theme") if movie.theme or not movie.story_key else "",
        story_key=movie.story_key,
        genre=validation.genre(movie.genre, f"{field}.genre"),
        seed=movie.seed,
        negative_prompt=validation.text(
            movie.negative_prompt, f"{field}.negative_prompt", _NEGATIVE_PROMPT_LENGTH, empty=True
        ),
        reference_keys=movie.reference_keys,
        learned_style=movie.learned_style,
        model=movie.model,
        style=validation.style(movie.style, f"{field}.style"),
        style_options=validation.style_options(movie.style_options, f"{field}.style_options"),
        drawing=validation.drawing(movie.drawing, f"{field}.drawing"),
        character_identity=movie.character_identity,
        priority=movie.priority,
    )
    if asked.priority not in PRIORITIES:
        raise invalid(f"{field}.priority", f"is {asked.priority}; it has to be -100 to 100")
    if movie.HasField("budget"):
        asked.budget.CopyFrom(validation.budget(movie.budget, f"{field}.budget"))
    if movie.HasField("gate"):  # else not set either: a request of before the gate stays the same request
        asked.gate.CopyFrom(validation.gate(movie.gate, f"{field}.gate"))
    if asked.story_key:
        if movie.HasField("shape"):
            raise invalid(f"{field}.shape", "follows from the story; leave it out")
    else:
        asked.shape.CopyFrom(movie.shape if movie.HasField("shape") else _DEFAULT_SHAPE)
        validation.shape(asked.shape, f"{field}.shape")
    if asked.character_identity not in movies_pb2.CharacterIdentity.values():
        raise invalid(
            f"{field}.character_identity", f"{asked.character_identity} is no way to keep characters"
        )
    if asked.model not in ("", model_name):
        raise invalid(
            f"{field}.model", f"{asked.model[:60]!r} is unknown; this installation draws with {model_name!r}"
        )
    if len(asked.reference_keys) > validation.REFERENCES_LIMIT:
        raise invalid(f"{field}.reference_keys", f"has more than {validation.REFERENCES_LIMIT} keys")
    if asked.learned_style and asked.reference_keys:
        raise invalid(f"{field}.learned_style", f"and {field}.reference_keys exclude each other")
    return asked
