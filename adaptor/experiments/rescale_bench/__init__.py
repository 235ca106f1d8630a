"""Rescales of a real stream, by adaptor and by the bare wish, in turn on one cluster.

- `stage`: the cluster, the stream, and what came out of its sinks.
- `trial`: one rescale either way, watched by the same looks.
- `bench`: the turns, and the report; `figures`: what it holds.
"""
