"""Story JSON from the object store, with limits and errors that name the request's field."""

import asyncio

from .errors import invalid
from .store import ObjectStore
from .story import MAX_BYTES, Story, StoryError, parse


async def read_story(store: ObjectStore, key: str, field: str) -> Story:
    """Raises INVALID_FIELD naming `field` where the object is not there, is too large or no story."""
    sizes = {found.key: found.size for found in await store.list(key)}
    if key not in sizes:
        raise invalid(field, f"there is no object {key[:200]!r}")
    if sizes[key] > MAX_BYTES:  # says no before it is in memory
        raise invalid(field, f"{key[:200]!r} has {sizes[key]} bytes; at most {MAX_BYTES} are allowed")
    data = await store.get(key)
    try:
        return await asyncio.to_thread(parse, data)
    except StoryError as error:
        raise invalid(field, f"{key[:200]!r} is no story JSON: {error}") from error
