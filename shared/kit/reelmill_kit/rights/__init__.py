"""What services and outsiders may do at NATS and S3: tables, and what servers are told of them."""
