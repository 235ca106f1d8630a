"""The log that peers share, as a Merkle-CRDT [Sanjuan20]: values and rules alone, no I/O, no clock, no randomness.

An *entry* is a signed block that names all *heads* its author knew as its *parents*; so the entries form a graph in
which every link is a hash, replicas that hold the same entries hold the same log, and joining two replicas is the
union of their entries. `replica` decides what becomes of a block, `exchange` what is asked of and told to peers.

[Sanjuan20] Sanjuan, Poyhtari, Teixeira, Psaras, "Merkle-CRDTs: Merkle-DAGs meet CRDTs", 2020.
"""
