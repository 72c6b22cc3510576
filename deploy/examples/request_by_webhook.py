"""Asks for a movie as an upstream system does: one signed CloudEvent by HTTP, nothing of Reelmill imported.

    .venv/bin/python deploy/examples/request_by_webhook.py "A clockmaker repairs a stolen hour" order-4711

The second argument is the event's id: sent twice, it makes one movie. WEBHOOK_URL and WEBHOOK_SECRET say
where to, and with what it is signed; without them the local stack's own are taken from .reelmill.
"""

import json
import os
import sys
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

from cloudevents.core.bindings.http import to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from standardwebhooks import Webhook


def target() -> tuple[str, str]:
    """The address and the secret."""
    if url := os.environ.get("WEBHOOK_URL"):
        return url, os.environ["WEBHOOK_SECRET"]
    stack = json.loads(Path(".reelmill/stack.json").read_text())
    secret = Path(stack["environment"]["REELMILL_WEBHOOK_SECRETS"], "demo").read_text().strip()
    return f"http://{stack['addresses']['gateway']}/v1/projects/demo/events", secret


def main(theme: str, event_id: str) -> None:
    url, secret = target()
    wanted = {"movie": {"theme": theme, "shape": {"chapters": 1, "scenes": 2, "frames": 4}}}
    attributes = {
        "id": event_id,
        "source": "https://catalogue.example/orders",
        "type": "example.movie.wanted",
        "datacontenttype": "application/json",
    }
    message = to_structured(CloudEvent(attributes, wanted), JSONFormat())
    now = datetime.now(UTC)
    headers = {
        **message.headers,
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(event_id, now, message.body.decode()),
    }
    request = urllib.request.Request(url, message.body, headers)  # noqa: S310 - the address is ours to choose
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        print(answer.status, answer.read().decode())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
