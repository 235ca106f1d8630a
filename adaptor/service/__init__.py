"""The gRPC edge: protos to values, calls to the engine, errors to status codes. Nothing is decided here."""
