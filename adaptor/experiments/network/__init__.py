"""Many replicas of a shared log on a simulated network: virtual time, seeds, faults and adversaries.

The replicas are the production core itself (`adaptor.sharing.core`); simulated are time, network, disks, crashes and
whoever means harm. `simulation` runs one seed, `checks` says what must hold at its end, `campaign` runs many,
`mutants` plants defects that the seeds must find, `scale` measures with up to a thousand peers.
"""
