"""The core: events in, effects out, and nothing else. No clock, no I/O, no randomness.

`run_controller.RunController.handle` is the one place where the life of a run is decided.
"""
