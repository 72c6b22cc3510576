import math
from collections.abc import Callable

import pytest

from reelmill.v1 import render_pb2
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_render.validation import check_request


def request() -> render_pb2.RenderFramesRequest:
    return render_pb2.RenderFramesRequest(
        movie="projects/acme/movies/m-1",
        frames=[render_pb2.FrameRequest(index=i, prompt="a cat, é, 猫", seed=-1) for i in (0, 99_999)],
        style=render_pb2.StyleEmbedding(
            key="projects/acme/styles/x/style.safetensors",
            digest="0" * 64,
            reference_keys=["projects/acme/styles/x/references/00.png"] * 64,
        ),
        drawing=render_pb2.DrawingOptions(
            steps=150, guidance_scale=30, width=64, height=2048, scheduler="DDIMScheduler"
        ),
        gate=render_pb2.GateOptions(mode=render_pb2.GateOptions.MODE_ON, max_redraws=10),
    )


def test_a_request_in_order_is_taken() -> None:
    assert str(check_request(request())) == "projects/acme/movies/m-1"


def test_zero_means_the_models_default() -> None:
    good = request()
    good.ClearField("drawing")
    good.ClearField("style")
    good.ClearField("gate")
    check_request(good)


def bad_reference(request: render_pb2.RenderFramesRequest, key: str) -> None:
    request.style.reference_keys[1] = key


Spoil = Callable[[render_pb2.RenderFramesRequest], object]
BAD: list[tuple[str, Spoil]] = [
    ("movie", lambda r: setattr(r, "movie", "projects/acme/movies/../x")),
    ("frames", lambda r: r.ClearField("frames")),
    ("frames", lambda r: r.frames.extend([render_pb2.FrameRequest(prompt="a")] * 4096)),
    ("frames[1].index", lambda r: setattr(r.frames[1], "index", 0)),
    ("frames[1].index", lambda r: setattr(r.frames[1], "index", 100_000)),
    ("frames[0].index", lambda r: setattr(r.frames[0], "index", -1)),
    ("frames[0].prompt", lambda r: setattr(r.frames[0], "prompt", " ")),
    ("frames[0].prompt", lambda r: setattr(r.frames[0], "prompt", "x" * 2001)),
    ("frames[1].prompt", lambda r: setattr(r.frames[1], "prompt", "a\x00b")),
    ("frames[1].prompt", lambda r: setattr(r.frames[1], "prompt", "a\nb")),
    ("frames[1].negative_prompt", lambda r: setattr(r.frames[1], "negative_prompt", "\x9f")),
    ("frames[1].judged_prompt", lambda r: setattr(r.frames[1], "judged_prompt", "x" * 2001)),
    ("style", lambda r: r.style.ClearField("key")),
    ("style.key", lambda r: setattr(r.style, "key", "projects/other/styles/x/style.safetensors")),
    ("style.digest", lambda r: setattr(r.style, "digest", "abc")),
    ("style.content", lambda r: setattr(r.style, "content", b"")),
    ("style.content", lambda r: setattr(r.style, "content", bytes(5_000_000))),
    ("drawing.steps", lambda r: setattr(r.drawing, "steps", 151)),
    ("drawing.steps", lambda r: setattr(r.drawing, "steps", -1)),
    ("drawing.guidance_scale", lambda r: setattr(r.drawing, "guidance_scale", 30.1)),
    ("drawing.guidance_scale", lambda r: setattr(r.drawing, "guidance_scale", math.nan)),
    ("drawing.width", lambda r: setattr(r.drawing, "width", 100)),
    ("drawing.height", lambda r: setattr(r.drawing, "height", 2056)),
    ("drawing.height", lambda r: setattr(r.drawing, "height", 56)),
    (
        "style.reference_keys",
        lambda r: r.style.reference_keys.append("projects/acme/styles/x/references/64.png"),
    ),
    ("style.reference_keys[1]", lambda r: bad_reference(r, "projects/other/styles/x/references/00.png")),
    ("style.reference_keys[1]", lambda r: bad_reference(r, "projects/acme/movies/m/frames/000000.png")),
    ("style.reference_keys[1]", lambda r: bad_reference(r, "projects/acme/styles/../../other/styles/x.png")),
    ("gate.mode", lambda r: setattr(r.gate, "mode", 9)),
    ("gate.max_redraws", lambda r: setattr(r.gate, "max_redraws", 11)),
    ("gate.max_redraws", lambda r: setattr(r.gate, "max_redraws", -1)),
    ("drawing.scheduler", lambda r: setattr(r.drawing, "scheduler", "os.system('x')")),
]


@pytest.mark.parametrize(("field", "spoil"), BAD, ids=[f"{i}-{field}" for i, (field, _) in enumerate(BAD)])
def test_bad_input_is_refused_naming_its_field(field: str, spoil: Spoil) -> None:
    bad = request()
    spoil(bad)
    with pytest.raises(ReelmillError) as refused:
        check_request(bad)
    assert refused.value.reason is Reason.INVALID_FIELD
    assert refused.value.metadata["field"] == field
    assert len(refused.value.message) < 300
