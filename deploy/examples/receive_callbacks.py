"""Hears the ends of movies as another company's server does, on port 8090; nothing of Reelmill imported.

    .venv/bin/python deploy/examples/receive_callbacks.py

Believes what is signed with WEBHOOK_SECRET, or with that of the local stack's project demo. An event may come
twice: keep the ids that you have seen.
"""

import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from cloudevents.core.bindings.http import HTTPMessage, from_structured
from cloudevents.core.formats.json import JSONFormat
from standardwebhooks import Webhook, WebhookVerificationError

SECRET = os.environ.get("WEBHOOK_SECRET") or Path(".reelmill/auth/webhooks/demo").read_text().strip()


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(min(int(headers["content-length"]), 1 << 20))
        try:
            Webhook(SECRET).verify(body, headers)
        except WebhookVerificationError:
            self.send_error(401)
            return
        event = from_structured(HTTPMessage(headers, body), JSONFormat())
        print(event.get_id(), event.get_type(), event.get_subject(), flush=True)
        self.send_response(204)
        self.end_headers()


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", 8090), Handler).serve_forever()
