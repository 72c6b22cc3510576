"""The gRPC door."""

from __future__ import annotations  # grpc's classes are generic for type checkers only

from collections.abc import AsyncIterator
from contextlib import aclosing

import grpc

from reelmill.v1 import common_pb2, render_pb2, render_pb2_grpc

from .stage import RenderStage
from .validation import check_request


class RenderServicer(render_pb2_grpc.RenderServiceServicer):
    def __init__(self, stage: RenderStage) -> None:
        self._stage = stage

    async def RenderFrames(
        self,
        request: render_pb2.RenderFramesRequest,
        context: grpc.aio.ServicerContext[
            render_pb2.RenderFramesRequest, AsyncIterator[render_pb2.RenderFramesResponse]
        ],
    ) -> AsyncIterator[render_pb2.RenderFramesResponse]:
        check_request(request)
        total = len(request.frames)
        yield _progress(0, total)
        done = 0
        async with aclosing(self._stage.render(request)) as frames:
            async for rendered in frames:
                done += 1
                yield render_pb2.RenderFramesResponse(
                    frame=render_pb2.RenderedFrame(
                        key_frame=rendered.key_frame,
                        image=rendered.image if request.include_images else b"",
                        reused=rendered.reused,
                    )
                )
                yield _progress(done, total)


def _progress(done: int, total: int) -> render_pb2.RenderFramesResponse:
    return render_pb2.RenderFramesResponse(
        progress=common_pb2.Progress(message="drawing frames", done=done, total=total)
    )
