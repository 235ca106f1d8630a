"""The embedded Flink: a cluster on this machine from Python packages alone, started and stopped as plain processes.

`cluster` starts and ends it, `provisioner` brings it to a number of slots; the other modules say which Java runs it
(`java`), from which files (`distribution`, and `release` for another Flink than the installed one), how it is
configured (`configuration`, `settings`), on which cores (`pinning`, `launcher`), and how its processes are found again
after any crash (`processes`, `description`).
"""
