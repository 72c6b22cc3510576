"""A request's body comes within a set time, or its caller counts as gone: no place is held by a slow one."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyDeadline:
    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        deadline: float | None = loop.time() + self._seconds

        async def in_time() -> Message:
            nonlocal deadline
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                return {"type": "http.disconnect"}
            if not message.get("more_body", False):
                deadline = None  # what comes after the body is the caller's going away
            return message

        await self._app(scope, in_time, send)


async def skip_body(receive: Receive, most: int) -> None:
    """Reads up to `most` bytes of it: few clients hear an answer that comes while they still send."""
    more = True
    while more and most > 0:
        message = await receive()
        most -= len(message.get("body", b""))
        more = message.get("more_body", False)
