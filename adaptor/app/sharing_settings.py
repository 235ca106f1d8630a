"""Settings of the shared log. The bounds of a replica are those of `ReplicaLimits`, by the same names."""

from __future__ import annotations

from adaptor.app.setting import DURATION, INTEGER, SWITCH, TEXT, Setting

_LIMITS: tuple[Setting, ...] = (
    Setting(
        "sharing.clock_skew",
        DURATION,
        "5m",
        "how far an entry's time may lie ahead of this clock",
        "as Kerberos allows",
    ),
    Setting(
        "sharing.height_jump",
        INTEGER,
        "1000000",
        "how far above the highest entry a new one may stand",
        "bounds the ancestors that a liar can make this machine look for",
    ),
    Setting(
        "sharing.waiting",
        INTEGER,
        "200000",
        "most entries that wait for their parents",
        "about 500 bytes each in memory",
    ),
    Setting(
        "sharing.waiting_bytes", INTEGER, "1073741824", "most bytes of waiting entries", "a share of any disk in use"
    ),
    Setting(
        "sharing.heads", INTEGER, "256", "most heads that a peer may name at once", "sixteen times what it may cite"
    ),
    Setting("sharing.missing", INTEGER, "100000", "most blocks that are known to be missing", "about 300 bytes each"),
    Setting("sharing.refused", INTEGER, "10000", "refused blocks that are remembered", "about 100 bytes each"),
    Setting("sharing.fetch_batch", INTEGER, "256", "most blocks asked of a peer at once", "about 100 kB of answer"),
    Setting(
        "sharing.fetches_in_flight", INTEGER, "8", "most calls for blocks at once", "hides round trips of some 100 ms"
    ),
    Setting(
        "sharing.attempts",
        INTEGER,
        "12",
        "tries to fetch a block before it is given up until somebody names it again",
        "with the waits between them a quarter of an hour",
    ),
    Setting("sharing.retry", DURATION, "500ms", "wait after a first failed try, doubled each time", "a peer's restart"),
    Setting("sharing.retry_max", DURATION, "5m", "longest wait between two tries", "a machine's reboot"),
    Setting(
        "sharing.fan_out",
        INTEGER,
        "4",
        "neighbours that are told of news",
        "four keep a random graph of thousands connected",
    ),
    Setting(
        "sharing.eager",
        INTEGER,
        "2",
        "neighbours that get news themselves, not only their names",
        "one more copy than needed, for the speed of it",
    ),
    Setting(
        "sharing.inline_bytes", INTEGER, "65536", "most bytes of news in an announcement", "a batch of 512 observations"
    ),
    Setting(
        "sharing.anti_entropy",
        DURATION,
        "30s",
        "time between comparisons of heads with some peer, without news",
        "a few hundred bytes, twice a minute",
    ),
    Setting("sharing.peers", INTEGER, "256", "most peers in the address book", "more than anybody talks to"),
    Setting(
        "sharing.peer_bytes_per_minute",
        INTEGER,
        "268435456",
        "most bytes taken from a peer within a minute",
        "400,000 entries, or a third of a 100 Mbit/s line",
    ),
    Setting("sharing.call", DURATION, "10s", "longest wait for a peer's answer", "a page over a slow line"),
)

SHARING_SETTINGS: tuple[Setting, ...] = (
    Setting(
        "sharing.publish_interval", DURATION, "30s", "time between tries to publish", "peers gain little by seconds"
    ),
    Setting("sharing.publish_batch", INTEGER, "500", "observations published at once", "a few hundred kB"),
    Setting(
        "sharing.filter",
        TEXT,
        "",
        "what peers see of each field, for example `data.customer=hash, duration_s=noise:0.02`",
        "numbers of the data coarsened to two digits, names of runs hashed, the rest kept",
    ),
    Setting(
        "sharing.listen",
        TEXT,
        "127.0.0.1:4401",
        "address and port for peers, always TLS; empty does not listen",
        "loopback is safe; beyond it a firewall should know",
    ),
    Setting(
        "sharing.advertise",
        TEXT,
        "",
        "address and port that peers are told; empty stands for `sharing.listen`",
        "differs only behind an address translation",
    ),
    Setting(
        "sharing.view",
        TEXT,
        "not_refuted",
        "contributions that models learn from: all, not_refuted, confirmed",
        "a small group seldom has the votes to confirm",
    ),
    Setting("sharing.validate", SWITCH, "true", "whether contributions are judged here", "votes make the log better"),
    Setting(
        "sharing.kubo",
        TEXT,
        "",
        "address of a Kubo node's API over which the log is shared as well, for example `/ip4/127.0.0.1/tcp/5001`",
        "the embedded transport needs none",
    ),
    *_LIMITS,
)
