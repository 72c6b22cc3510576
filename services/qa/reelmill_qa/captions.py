"""Dense captions: what can be read of a movie without looking."""

import re

from reelmill.v1 import qa_pb2, script_pb2

_STYLE = re.compile(r",?\s*in <style> style|<style>\s*")


def captions(movie: str, script: script_pb2.Script) -> qa_pb2.CaptionSet:
    """The script's sentences with names, and what is drawn without names and style."""
    result = qa_pb2.CaptionSet(movie=movie, overview=script.overview)
    for c, chapter in enumerate(script.chapters):
        told = result.chapters.add(chapter=c, title=chapter.title, summary=chapter.summary)
        for s, scene in enumerate(chapter.scenes):
            part = told.scenes.add(scene=s, title=scene.title, summary=scene.summary)
            for frame in scene.frames:
                part.frames.add(frame=frame.index, caption=frame.description, visible=visible(frame.prompt))
    return result


def visible(prompt: str) -> str:
    """The prompt without its style token: "a tall woman in a blue coat, at the harbour"."""
    return " ".join(_STYLE.sub("", prompt).split()).strip(" ,")
