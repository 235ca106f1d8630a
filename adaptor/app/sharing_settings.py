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
    Setting(
        "sharing.peer_refusals_per_minute",
        INTEGER,
        "10000",
        "refused blocks of a peer within a minute, beyond which it is not listened to",
        "two seconds of checking; an honest peer gives next to none",
    ),
    Setting("sharing.call", DURATION, "10s", "longest wait for a peer's answer", "a page over a slow line"),
)

_SERVER: tuple[Setting, ...] = (
    Setting(
        "peer_server.request_bytes", INTEGER, "524288", "largest request of a peer", "news and 4,096 heads: 250 kB"
    ),
    Setting(
        "peer_server.answer_bytes",
        INTEGER,
        "1048576",
        "bytes of blocks after which an answer ends",
        "10 ms of 1 Gbit/s",
    ),
    Setting("peer_server.response_bytes", INTEGER, "4194304", "largest answer", "`answer_bytes` and a large entry"),
    Setting("peer_server.cids", INTEGER, "1024", "most blocks that a peer may ask for at once", "four `fetch_batch`"),
    Setting("peer_server.calls", INTEGER, "64", "most calls of peers at once", "bounds their memory to 32 MiB"),
    Setting("peer_server.calls_per_peer", INTEGER, "16", "most calls of one peer at once", "an adaptor makes ten"),
    Setting("peer_server.connections", INTEGER, "256", "most connections of peers", "as many as `sharing.peers`"),
    Setting("peer_server.call", DURATION, "10s", "longest time for a request, and for its answer", "a page, slowly"),
    Setting("peer_server.clock_skew", DURATION, "5m", "how far a caller's clock may be off", "as Kerberos allows"),
    Setting("peer_server.idle", DURATION, "5m", "time after which an idle connection is closed", "ten `anti_entropy`"),
    Setting("peer_server.connection", DURATION, "1h", "longest life of a connection", "nobody is welcome for ever"),
    Setting("peer_server.keepalive", DURATION, "30s", "silence after which a caller is asked for", "`anti_entropy`"),
    Setting("peer_server.keepalive_answer", DURATION, "10s", "longest wait for that", "one call"),
    Setting(
        "peer_server.refusals_per_minute",
        INTEGER,
        "60",
        "refused calls recorded one by one",
        "keeps floods off the disk",
    ),
)

_CLIENT: tuple[Setting, ...] = (
    Setting(
        "peer_client.call", DURATION, "10s", "longest wait for a peer's answer, dialling included", "a page, slowly"
    ),
    Setting("peer_client.request_bytes", INTEGER, "524288", "largest request", "what peers take by default"),
    Setting(
        "peer_client.response_bytes", INTEGER, "4194304", "largest answer that is taken", "a page and a large entry"
    ),
    Setting("peer_client.calls", INTEGER, "32", "most calls to peers at once", "ten to each of three neighbours"),
    Setting(
        "peer_client.calls_per_peer", INTEGER, "12", "most calls to one peer at once", "fewer than it answers at once"
    ),
    Setting("peer_client.channels", INTEGER, "64", "most connections kept", "twice `calls`"),
    Setting("peer_client.keepalive", DURATION, "30s", "silence after which a peer is asked for", "`anti_entropy`"),
    Setting("peer_client.keepalive_answer", DURATION, "10s", "longest wait for that", "one call"),
)

_KUBO: tuple[Setting, ...] = (
    Setting(
        "kubo.api_url",
        TEXT,
        "",
        "API of a Kubo node over which the log is shared as well, for example `http://127.0.0.1:5001`",
        "the embedded transport needs none; `adaptor ipfs start` starts one",
    ),
    Setting("kubo.timeout", DURATION, "10s", "longest wait for an answer of the node", "an import of 8 MB, slowly"),
    Setting("kubo.block_timeout", DURATION, "10s", "longest wait for one block of the swarm", "a slow line"),
    Setting("kubo.fetch", DURATION, "20s", "longest time of a fetch with ancestors", "20,000 blocks took 8 s"),
    Setting("kubo.fetch_blocks", INTEGER, "20000", "most blocks of one", "bounds what endless ancestors cost"),
    Setting("kubo.fetch_bytes", INTEGER, "67108864", "most bytes of one", "likewise"),
    Setting("kubo.calls", INTEGER, "128", "blocks asked for at once", "with 20 ms for each they bring 6,000 a second"),
    Setting("kubo.payload_bytes", INTEGER, "524288", "longest message", "half of what Kubo passes on"),
    Setting("kubo.silence", DURATION, "2m", "silence after which the subscription is renewed", "four `anti_entropy`"),
)

SHARING_SETTINGS: tuple[Setting, ...] = (
    Setting(
        "sharing.publish_interval",
        DURATION,
        "30s",
        "time between two entries of a run that goes on; its end is published at once",
        "puts several supersteps under one signature, and peers gain little by seconds",
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
    *_LIMITS,
    *_SERVER,
    *_CLIENT,
    *_KUBO,
)
