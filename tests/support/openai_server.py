"""A local HTTP server that speaks the OpenAI chat completions API, and misbehaves when told to.

What it says comes from an author: a function of the system and the user message. Faults are taken one
a request, in order; without a fault the answer is good.
"""

import base64
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Words:
    """An answer that is no JSON."""

    text: str


Author = Callable[[str, str], object]
API_KEY = "sk-very-secret-0123456789"


@dataclass
class Reply:
    """What goes back; a fault changes it."""

    content: str
    status: int = 200
    finish_reason: str = "stop"
    refusal: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None  # instead of a completion
    content_type: str = "application/json"
    hangs: bool = False
    breaks_off: bool = False

    def bytes(self, model: str, request: str) -> bytes:
        if self.body is not None:
            return self.body
        completion = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": model,
            "choices": [
                {
                    "index": 0,
                    "finish_reason": self.finish_reason,
                    "message": {"role": "assistant", "content": self.content, "refusal": self.refusal},
                }
            ],
            "usage": {
                "prompt_tokens": len(request.split()),
                "completion_tokens": len(self.content.split()),
                "total_tokens": len(request.split()) + len(self.content.split()),
            },
        }
        return json.dumps(completion).encode()


Fault = Callable[[Reply], None]


@dataclass
class Asked:
    """A request as the server got it."""

    name: str
    body: dict[str, Any]
    authorization: str

    @property
    def system(self) -> str:
        return str(self.body["messages"][0]["content"])

    @property
    def user(self) -> str:
        return _text(self.body["messages"][1]["content"])

    @property
    def images(self) -> list[bytes]:
        """What was sent as data URIs, decoded."""
        content = self.body["messages"][1]["content"]
        parts = content if isinstance(content, list) else []
        uris = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
        return [base64.b64decode(uri.partition(";base64,")[2], validate=True) for uri in uris]


class OpenAiServer:
    def __init__(self, author: Author) -> None:
        self._author = author
        self._lock = threading.Lock()
        self._faults: deque[tuple[str, Fault]] = deque()
        self._always: Fault | None = None
        self._released = threading.Event()
        self.asked: list[Asked] = []
        self.knows_json_schema = True
        self.models = {"test-model"}
        self.latency = 0.0
        """Seconds that an answer takes."""
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    def then(self, *faults: Fault, on: str = "") -> None:
        """The next requests (for `on` alone, if given) meet these faults, one each."""
        self._faults.extend((on, fault) for fault in faults)

    def always(self, fault: Fault | None) -> None:
        """Every request meets this fault; None: no more."""
        self._always = fault

    def count(self, name: str) -> int:
        """How often a thing was asked for."""
        return sum(asked.name == name for asked in self.asked)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._released.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def answer(self, handler: BaseHTTPRequestHandler, text: str) -> None:
        body = json.loads(text)
        system, user = (_text(message["content"]) for message in body["messages"][:2])
        form = body.get("response_format", {}).get("type")
        name = _name(system)
        if self.latency:
            time.sleep(self.latency)
        written = self._author(system, user)
        reply = Reply(written.text if isinstance(written, Words) else json.dumps(written))
        with self._lock:
            self.asked.append(Asked(name, body, handler.headers.get("Authorization", "")))
            fault = self._always
            if self._faults and self._faults[0][0] in ("", name):
                fault = self._faults.popleft()[1]
        key = handler.headers.get("Authorization", "").removeprefix("Bearer ")
        if key != API_KEY:
            _error(401, f"Incorrect API key provided: {key}", "invalid_api_key")(reply)
        elif body["model"] not in self.models:
            _error(404, f"The model {body['model']} does not exist", "model_not_found")(reply)
        elif form == "json_schema" and not self.knows_json_schema:
            _error(400, "response_format json_schema is not supported", "unsupported")(reply)
        elif fault:
            fault(reply)
        if reply.hangs:
            self._released.wait(30)
            return
        data = reply.bytes(body["model"], text)
        handler.send_response(reply.status)
        handler.send_header("Content-Type", reply.content_type)
        handler.send_header("Content-Length", str(len(data)))
        # The connection ends with the answer: a client that is not told might use it once more.
        handler.send_header("Connection", "close")
        for header, value in reply.headers.items():
            handler.send_header(header, value)
        handler.end_headers()
        handler.wfile.write(data[: len(data) // 2] if reply.breaks_off else data)


@contextmanager
def openai_server(author: Author) -> Iterator[OpenAiServer]:
    server = OpenAiServer(author)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _handler(server: OpenAiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.close_connection = True
            server.answer(self, text)

        def do_GET(self) -> None:
            data = json.dumps({"object": "list", "data": []}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


def _text(content: str | list[dict[str, Any]]) -> str:
    """A message's text, its images left out."""
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if part["type"] == "text")


def _name(system: str) -> str:
    """What is asked for: the first quoted list with a number, or the outline."""
    for items in ("frames", "scenes", "themes", "descriptions"):
        if f'Write "{items}": exactly' in system:
            return "shorter" if items == "descriptions" else items
    return "outline" if "outline of an original movie" in system else "other"


# Faults.


def malformed(reply: Reply) -> None:
    """Half of the JSON, said to be whole."""
    reply.content = reply.content[: len(reply.content) // 2]


def fenced(reply: Reply) -> None:
    reply.content = f"Sure! Here it is:\n```json\n{reply.content}\n```\nLet me know if you need [more]."


def thinking(reply: Reply) -> None:
    reply.content = f"<think>First {{something}}...</think>\n{reply.content}"


def trailing_comma(reply: Reply) -> None:
    reply.content = reply.content.removesuffix("}") + ",}"


def no_json(reply: Reply) -> None:
    reply.content = "It was a dark and stormy night."


def cut_off(reply: Reply) -> None:
    reply.content, reply.finish_reason = reply.content[:40], "length"


def refusal(reply: Reply) -> None:
    reply.content, reply.refusal = "", "I can't help with that theme."


def refusal_in_words(reply: Reply) -> None:
    reply.content = "I'm sorry, but I can't help with that."


def server_error(reply: Reply) -> None:
    _error(500, "The server had an error", "server_error")(reply)


def bad_gateway(reply: Reply) -> None:
    reply.status, reply.body, reply.content_type = 502, b"<html>Bad gateway</html>", "text/html"


def web_page(reply: Reply) -> None:
    reply.body, reply.content_type = b"<html>Welcome to the proxy</html>", "text/html"


def no_choices(reply: Reply) -> None:
    reply.body = b'{"id": "x", "object": "chat.completion", "choices": []}'


def hung(reply: Reply) -> None:
    reply.hangs = True


def broken_off(reply: Reply) -> None:
    """The connection ends in the middle of the answer."""
    reply.breaks_off = True


def quota_used_up(reply: Reply) -> None:
    _error(429, "You exceeded your current quota", "insufficient_quota")(reply)


def too_long(reply: Reply) -> None:
    _error(400, "maximum context length exceeded", "context_length_exceeded")(reply)


def limited(retry_after: str) -> Fault:
    def fault(reply: Reply) -> None:
        _error(429, "Rate limit reached", "rate_limit_exceeded")(reply)
        reply.headers["Retry-After"] = retry_after

    return fault


def changed(change: Callable[[Any], None]) -> Fault:
    """The answer's JSON after a change of it."""

    def fault(reply: Reply) -> None:
        data = json.loads(reply.content)
        change(data)
        reply.content = json.dumps(data)

    return fault


def _error(status: int, message: str, code: str) -> Fault:
    def fault(reply: Reply) -> None:
        reply.status = status
        reply.body = json.dumps({"error": {"message": message, "type": "error", "code": code}}).encode()

    return fault
