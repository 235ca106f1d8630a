"""Flink's REST API as values: a client, the values it returns, and the only code that knows Flink's JSON.

- `client`: one question, one method, one value; every fault of the network or of Flink becomes a `FlinkError`.
- `values`: what the answers mean, with units; what Flink did not say is ``None``.
- `parsing`: JSON to values, pure.
- `answer`: reading fields of a JSON document that may hold anything.
- `transport`: HTTP GET bounded in time and size.
"""
