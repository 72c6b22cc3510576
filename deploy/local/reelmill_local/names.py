"""The names of the stack's processes."""

SERVERS = ("nats", "s3", "triton")
SERVICES = ("movies", "script", "style", "render", "qa", "dataset", "gateway")
