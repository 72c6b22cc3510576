"""Main characters that are learned: which token stands for whom, and prompts with tokens. Pure."""

import re
from collections.abc import Mapping

from reelmill.v1 import movies_pb2, script_pb2, style_pb2
from reelmill_world import without_article


def are_learned(movie: movies_pb2.Movie) -> bool:
    """Whether the movie asks for a token for each main character; else descriptions keep them the same."""
    return movie.character_identity == movies_pb2.CHARACTER_IDENTITY_LEARNED_TOKENS


def looks(script: script_pb2.Script) -> list[style_pb2.CharacterLook]:
    """The main characters in the script's order, each with its token."""
    main = [one for one in script.characters if one.role == script_pb2.Character.ROLE_MAIN]
    return [
        style_pb2.CharacterLook(token=f"<character-{number}>", appearance=one.appearance)
        for number, one in enumerate(main, 1)
    ]


def tokens(movie: movies_pb2.Movie, script: script_pb2.Script) -> dict[str, str]:
    """Appearances by the tokens that frames have in their place; none where descriptions do it."""
    return {look.token: look.appearance for look in looks(script)} if are_learned(movie) else {}


def with_tokens(prompt: str, tokens: Mapping[str, str]) -> str:
    """The prompt with a token wherever the words of an appearance stand: "a sad <character-1> sitting"."""
    for token, appearance in sorted(tokens.items(), key=lambda item: -len(item[1])):
        words = re.escape(without_article(appearance))
        prompt = re.sub(rf"\ban {words}", f"a {token}", prompt)  # "an old man" is "a <character-1>"
        prompt = re.sub(rf"\b{words}", token, prompt)
    return prompt
