"""What sharing costs: real peers in processes of their own, measured from writing a record to finding it everywhere.

`peer` is one of those processes, `peer_process` its handle; `nodes` runs a Kubo node for each peer where they talk over
IPFS; `trial` puts peers through the whole of it once, `figures` says what came out, `bench` is the command. `orbitdb`
runs another log, measured by a script of its own, right beside ours.
"""
