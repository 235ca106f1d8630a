"""How a run is made to use another parallelism. The port is `adaptor.engine.ports.Rescaler`."""
