"""Sharing observations with peers: this machine's part in a common log.

`core` decides (pure); `shared_log` performs its steps on `log_file`; `grpc` and `kubo` are the ways to peers; `gate`
and `contributions` say what leaves this machine; `index` makes a database of the log; `digest`, `validators` and
`knowledge` take in, judge and learn; `participation` is which log, and the port `adaptor.engine.ports.Publisher`.
"""
