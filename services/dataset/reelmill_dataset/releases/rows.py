"""The formats that are rows of JSON: what each movie adds to them. One function a format, nothing held.

Keys are those that the consumers read: LLaVA-Video's and Qwen-VL's training data, ms-swift, LLaMA-Factory,
LLaMA-VID's long_videoqa.json, `datasets`' imagefolder, and the question files of Video-MME, MLVU and
LongVideoBench.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from reelmill.v1 import dataset_pb2, qa_pb2

from .movie import LETTERS, ReleaseMovie, said

Question = qa_pb2.Question
Row = dict[str, Any]
Rows = Callable[[ReleaseMovie], Iterator[Row]]


@dataclass(frozen=True, slots=True)
class RowFile:
    """A file of rows for each split, which stands in its path. `array`: one JSON list, else JSON Lines."""

    path: str
    rows: Rows
    array: bool = False


def ms_swift(movie: ReleaseMovie) -> Iterator[Row]:
    """A list of frames is a video."""
    for question in movie.questions.questions:
        frames = [movie.frame(frame.index) for frame in movie.clip(question)]
        for asked, answer in movie.prompts(question):
            yield {"messages": _messages(f"<video>{asked}", answer), "videos": [frames]}


def llama_factory(movie: ReleaseMovie) -> Iterator[Row]:
    for question in movie.questions.questions:
        when = movie.when(question)
        for asked, answer in movie.prompts(question):
            yield {"messages": _messages(f"<video>{when}{asked}", answer), "videos": [movie.video]}


def llava_video(movie: ReleaseMovie) -> Iterator[Row]:
    for question in movie.questions.questions:
        when = movie.when(question)
        for number, (asked, answer) in enumerate(movie.prompts(question)):
            yield {
                "id": f"{movie.id}/{question.id}" + ("/choice" if number else ""),
                "conversations": _conversation(f"<image>\n{when}{asked}", answer),
                "data_source": "reelmill",
                "video": movie.video,
            }


def qwen_vl(movie: ReleaseMovie) -> Iterator[Row]:
    for question in movie.questions.questions:
        when = movie.when(question)
        for asked, answer in movie.prompts(question):
            yield {
                "video": movie.video,
                "conversations": _conversation(f"<video>\n{when}{asked}", answer),
            }


def llama_vid(movie: ReleaseMovie) -> Iterator[Row]:
    """Features are the user's: `story_feat/` is where LLaMA-VID looks for them."""
    for question in movie.questions.questions:
        when = movie.when(question)
        for number, (asked, answer) in enumerate(movie.prompts(question)):
            yield {
                "id": f"{movie.id}/{question.id}" + ("/choice" if number else ""),
                "video": f"story_feat/{movie.id}.pkl",
                "conversations": _conversation(f"<image>\n{when}{asked}", answer),
            }


def llama_vid_inputs(movie: ReleaseMovie) -> Iterator[Row]:
    """The movie as LLaMA-VID reads it: an image, then what is said, and so on."""
    parts = []
    for frame in movie.frames:
        spoken = " ".join(said(line) for line in frame.dialogue)
        parts.append("<image>" + (f" {spoken} " if spoken else ""))
    frames = [movie.frame(frame.index) for frame in movie.frames]
    yield {"video": f"story_feat/{movie.id}.pkl", "inputs": "".join(parts).strip(), "frames": frames}


def imagefolder(movie: ReleaseMovie) -> Iterator[Row]:
    """Beside the pictures, as `load_dataset("imagefolder")` wants it."""
    for row in frames(movie):
        yield {"file_name": f"{movie.id}/{row['frame']:06d}.png", **row}


def frames(movie: ReleaseMovie) -> Iterator[Row]:
    """Every frame with its captions: with names, and as it was asked of the model."""
    for chapter in movie.script.chapters:
        for scene in chapter.scenes:
            for frame in scene.frames:
                yield {
                    "movie": movie.id,
                    "chapter": chapter.index,
                    "scene": scene.index,
                    "frame": frame.index,
                    "caption": frame.description,
                    "prompt": frame.prompt,
                    "location": frame.location,
                    "time_of_day": frame.time_of_day,
                    "dialogue": [{"speaker": line.speaker, "text": line.text} for line in frame.dialogue],
                }


def captions(movie: ReleaseMovie) -> Iterator[Row]:
    """Dense captions of the longer parts: movie, chapters, scenes, with their frames."""
    all_frames = movie.frames
    yield _caption(movie, "movie", movie.script.title, movie.script.overview, all_frames[0], all_frames[-1])
    for chapter in movie.script.chapters:
        first, last = chapter.scenes[0].frames[0], chapter.scenes[-1].frames[-1]
        row = _caption(movie, "chapter", chapter.title, chapter.summary, first, last)
        yield row | {"chapter": chapter.index}
        for scene in chapter.scenes:
            row = _caption(movie, "scene", scene.title, scene.summary, scene.frames[0], scene.frames[-1])
            yield row | {"chapter": chapter.index, "scene": scene.index}


def _caption(movie: ReleaseMovie, level: str, title: str, text: str, first: Any, last: Any) -> Row:
    return {
        "movie": movie.id,
        "level": level,
        "title": title,
        "caption": text,
        "first_frame": first.index,
        "last_frame": last.index,
    }


def questions(movie: ReleaseMovie) -> Iterator[Row]:
    """Every question with all that is known of it: what the benchmark reads."""
    for question in movie.questions.questions:
        yield {
            "id": f"{movie.id}/{question.id}",
            "movie": movie.id,
            "split": movie.split,
            "level": _word(Question.Level.Name(question.level)),
            "kind": _word(Question.Kind.Name(question.kind)),
            "form": question.form,
            "question": question.question,
            "answer": question.answer,
            "choices": list(question.choices),
            "right_choice": question.right_choice if question.choices else None,
            "evidence": [{"frame": e.frame, "lines": list(e.lines)} for e in question.evidence],
            "frames": [frame.index for frame in movie.clip(question)],
        }


_TASKS = {
    Question.KIND_OVERVIEW: ("Information Synopsis", "topic_reasoning"),
    Question.KIND_PLOT: ("Action Reasoning", "plotQA"),
    Question.KIND_TEMPORAL: ("Temporal Reasoning", "order"),
    Question.KIND_COUNT: ("Counting Problem", "count"),
    Question.KIND_CHARACTER: ("Object Recognition", "plotQA"),
    Question.KIND_DETAIL: ("Attribute Perception", "needle"),
}
_SHORT, _MEDIUM = 120, 900  # seconds, Video-MME's classes
_OPTIONS = 4  # as Video-MME has them
_GROUPS = (15, 60, 600, 3600)  # seconds, LongVideoBench's classes


def video_mme(movie: ReleaseMovie) -> Iterator[Row]:
    length = "short" if movie.duration <= _SHORT else "medium" if movie.duration <= _MEDIUM else "long"
    for question in _with_choices(movie):
        choices, right = _four(question, movie.id)
        yield {
            "video_id": movie.id,
            "videoID": movie.id,  # the name of the video file, without ".mp4"
            "duration": length,
            "domain": "Film & Television",
            "sub_category": "Movie & TV Show",
            "task_type": _TASKS[question.kind][0],
            "question_id": f"{movie.id}/{question.id}",
            "question": movie.when(question) + question.question,
            "options": [f"{letter}. {choice}" for letter, choice in zip(LETTERS, choices, strict=False)],
            "answer": LETTERS[right],
        }


def _four(question: Question, movie: str) -> tuple[list[str], int]:
    """The choices without one wrong one, where there are five, and the right one's place.

    Video-MME's scorers know no E. Which one goes is thrown by dice, or the right place would be lopsided.
    """
    choices, right = list(question.choices), question.right_choice
    if len(choices) > _OPTIONS:
        dice = random.Random(f"{movie}/{question.id}")
        gone = dice.choice([place for place in range(len(choices)) if place != right])
        del choices[gone]
        right -= gone < right
    return choices, right


def mlvu(movie: ReleaseMovie) -> Iterator[Row]:
    for question in _with_choices(movie):
        yield {
            "video": f"{movie.id}.mp4",
            "duration": movie.duration,
            "question": movie.when(question) + question.question,
            "candidates": list(question.choices),
            "answer": question.choices[question.right_choice],
            "question_type": _TASKS[question.kind][1],
        }


def long_video_bench(movie: ReleaseMovie) -> Iterator[Row]:
    for question in _with_choices(movie):
        yield {
            "id": f"{movie.id}/{question.id}",
            "video_id": movie.id,
            "video_path": f"{movie.id}.mp4",
            "subtitle_path": f"{movie.id}.vtt",
            "duration": movie.duration,
            "duration_group": next((end for end in _GROUPS if movie.duration <= end), _GROUPS[-1]),
            "starting_timestamp_for_subtitles": 0,
            "question": movie.when(question) + question.question,
            "candidates": list(question.choices),
            # The same as its table on the hub has them.
            **{f"option{place}": [*question.choices, *["N/A"] * 5][place] for place in range(5)},
            "correct_choice": question.right_choice,
            "question_category": _word(Question.Kind.Name(question.kind)),
        }


def _with_choices(movie: ReleaseMovie) -> Iterator[Question]:
    return (question for question in movie.questions.questions if question.choices)


def _messages(asked: str, answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]


def _conversation(asked: str, answer: str) -> list[dict[str, str]]:
    return [{"from": "human", "value": asked}, {"from": "gpt", "value": answer}]


def _word(name: str) -> str:
    return name.split("_", 1)[1].lower()


ALWAYS = (
    RowFile("questions/{split}.jsonl", questions),
    RowFile("captions/{split}.jsonl", captions),
)
BY_FORMAT: dict[int, tuple[RowFile, ...]] = {
    dataset_pb2.EXPORT_FORMAT_MS_SWIFT: (RowFile("ms_swift/{split}.jsonl", ms_swift),),
    dataset_pb2.EXPORT_FORMAT_LLAVA_VIDEO: (RowFile("llava_video/{split}.json", llava_video, array=True),),
    dataset_pb2.EXPORT_FORMAT_QWEN_VL: (RowFile("qwen_vl/{split}.json", qwen_vl, array=True),),
    dataset_pb2.EXPORT_FORMAT_LLAMA_FACTORY: (
        RowFile("llama_factory/{split}.json", llama_factory, array=True),
    ),
    dataset_pb2.EXPORT_FORMAT_LLAMA_VID: (
        RowFile("llama_vid/{split}/long_videoqa.json", llama_vid, array=True),
        RowFile("llama_vid/{split}/inputs.jsonl", llama_vid_inputs),
    ),
    dataset_pb2.EXPORT_FORMAT_HF_FOLDER: (RowFile("frames/{split}/metadata.jsonl", imagefolder),),
    dataset_pb2.EXPORT_FORMAT_VIDEO_MME: (RowFile("video_mme/{split}.json", video_mme, array=True),),
    dataset_pb2.EXPORT_FORMAT_MLVU: (RowFile("mlvu/{split}.json", mlvu, array=True),),
    dataset_pb2.EXPORT_FORMAT_LONG_VIDEO_BENCH: (
        RowFile("long_video_bench/{split}.json", long_video_bench, array=True),
    ),
}
