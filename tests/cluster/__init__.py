"""What is shown on a real Kubernetes: `make test-cluster`."""
