"""The only place with grpc and protobuf: messages become facts, facts become messages, refusals become statuses."""
