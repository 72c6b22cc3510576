"""What a picture depends on, and the lineage that says so. Pure: no I/O."""

import hashlib
import json
from dataclasses import asdict, dataclass

from reelmill.v1 import render_pb2


@dataclass(frozen=True, slots=True)
class Drawing:
    """How to draw; ranges as in `reelmill.v1.DrawingOptions`. A zero or "" means: as the model likes."""

    steps: int = 0
    guidance_scale: float = 0.0
    scheduler: str = ""
    width: int = 0
    height: int = 0

    @classmethod
    def from_proto(cls, options: render_pb2.DrawingOptions) -> "Drawing":
        return cls(
            steps=options.steps,
            guidance_scale=options.guidance_scale,
            scheduler=options.scheduler,
            width=options.width,
            height=options.height,
        )

    def resolved(self, defaults: "Drawing") -> "Drawing":
        """The same with the model's values in place of zeros."""
        return Drawing(
            steps=self.steps or defaults.steps,
            guidance_scale=self.guidance_scale or defaults.guidance_scale,
            scheduler=self.scheduler or defaults.scheduler,
            width=self.width or defaults.width,
            height=self.height or defaults.height,
        )


@dataclass(frozen=True, slots=True)
class Model:
    """The diffusion model: sha256 of its directory in hex, and what it does where nothing is asked for."""

    digest: str
    defaults: Drawing


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything a picture depends on: the same values give the same pixels."""

    prompt: str
    negative_prompt: str
    seed: int
    drawing: Drawing
    model_digest: str
    embedding_digest: str

    @property
    def input_digest(self) -> str:
        """sha256 in hex over all fields, as JSON with sorted keys."""
        canonical = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @classmethod
    def of(
        cls, frame: render_pb2.FrameRequest, drawing: Drawing, model: Model, embedding_digest: str
    ) -> "Picture":
        return cls(
            prompt=frame.prompt,
            negative_prompt=frame.negative_prompt,
            seed=frame.seed,
            drawing=drawing.resolved(model.defaults),
            model_digest=model.digest,
            embedding_digest=embedding_digest,
        )

    def key_frame(self, index: int) -> render_pb2.KeyFrame:
        """The lineage of a frame drawn from these values, now, but for where it is stored."""
        key_frame = render_pb2.KeyFrame(
            index=index,
            prompt=self.prompt,
            negative_prompt=self.negative_prompt,
            seed=self.seed,
            steps=self.drawing.steps,
            guidance_scale=self.drawing.guidance_scale,
            scheduler=self.drawing.scheduler,
            width=self.drawing.width,
            height=self.drawing.height,
            model_digest=self.model_digest,
            embedding_digest=self.embedding_digest,
            input_digest=self.input_digest,
        )
        key_frame.draw_time.GetCurrentTime()
        return key_frame
