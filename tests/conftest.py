"""Fixtures for all tests: real servers, each started when a test asks for it."""

pytest_plugins = ["tests.support.nats", "tests.support.s3", "tests.support.stack", "tests.support.judges"]
