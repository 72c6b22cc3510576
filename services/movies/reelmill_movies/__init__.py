"""The front door: takes requests by gRPC and by event, owns the state of movies, decides what comes next."""
