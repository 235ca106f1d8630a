"""Settings of attached streams, and what the engine and the client take from them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adaptor.app.setting import DURATION, FRACTION, INTEGER, SWITCH, TEXT, Setting
from adaptor.control.stream_decision import AttachRules
from adaptor.domain.rescale import RescaleLimits
from adaptor.domain.resubmission import ResubmissionLimits
from adaptor.engine.attachment_settings import AttachmentSettings
from adaptor.flink.transport import Access
from adaptor.planner.stream_policy import StreamRules

ATTACH_SETTINGS: tuple[Setting, ...] = (
    Setting(
        "attach.poll_interval",
        DURATION,
        "1s",
        "time between two looks at a cluster with attached streams",
        "a change of load is to be answered within seconds; one look is one request a stream",
    ),
    Setting(
        "attach.max_requests",
        INTEGER,
        "50",
        "most requests a second to one cluster",
        "200 streams are looked at within 4 s, and a JobManager answers several hundred",
    ),
    Setting(
        "attach.max_backoff",
        DURATION,
        "30s",
        "longest time between two looks at a cluster that does not answer",
        "a JobManager takes about as long to come back",
    ),
    Setting(
        "attach.lost_after",
        DURATION,
        "1h",
        "silence of a cluster after which its streams are taken for lost",
        "as long as a run without reports is kept",
    ),
    Setting(
        "attach.settling",
        DURATION,
        "5s",
        "seconds after a restart that are not measured",
        "state is read and code is compiled; on two cores rates are steady after about 5 s",
    ),
    Setting(
        "attach.span",
        DURATION,
        "5s",
        "least time between two looks that rates are told from",
        "sources emit in gusts of a second or two, and Flink counts a wait when it ends",
    ),
    Setting(
        "attach.band",
        FRACTION,
        "0.15",
        "how far above the wanted utilisation a stream may go before it is widened, as a share of time",
        "half of what is left above the usual 0.7; less makes a rescale of every ripple",
    ),
    Setting(
        "attach.narrowing_window",
        DURATION,
        "20s",
        "how long fewer slots must have been enough before a stream is narrowed",
        "two fetches of Flink's metrics as delivered (10 s each)",
    ),
    Setting(
        "attach.payback",
        DURATION,
        "60s",
        "time within which the slots saved by narrowing must pay for the rescale",
        "a load that lasts shorter is no reason to rescale twice",
    ),
    Setting(
        "attach.respect_others",
        DURATION,
        "10m",
        "how long somebody else's wish for a parallelism is left alone",
        "a person who changes a stream by hand looks at it for some minutes",
    ),
    Setting(
        "attach.retry_after",
        DURATION,
        "60s",
        "time after a rescale that did not succeed before another is tried",
        "Flink's cooldown as delivered (30 s), doubled",
    ),
    Setting(
        "attach.quiet_timeout",
        DURATION,
        "5m",
        "longest wait for a cooldown or somebody's savepoint before a rescale is given up",
        "large savepoints take minutes",
    ),
    Setting(
        "attach.checkpoint_timeout",
        DURATION,
        "5m",
        "longest wait for the checkpoint of a rescale",
        "half of Flink's own time-out as delivered",
    ),
    Setting(
        "attach.proof_timeout",
        DURATION,
        "20s",
        "longest wait for a stream to run as wanted after its checkpoint",
        "redeploying takes a second or two; answers of Flink are stale by 3 s as delivered",
    ),
    Setting(
        "attach.proof_interval",
        DURATION,
        "100ms",
        "time between two looks at a rescale under way",
        "the gap is measured as finely as that",
    ),
    Setting(
        "attach.checkpoints",
        INTEGER,
        "3",
        "checkpoints that are triggered for one rescale, at most",
        "one may fall into a restart and one may fail by chance",
    ),
    Setting(
        "attach.savepoint_timeout",
        DURATION,
        "1h",
        "longest wait for the savepoint of a job that is submitted again, and for its cluster once it has stopped",
        "six times Flink's own time-out as delivered; giving up leaves a job stopped",
    ),
    Setting(
        "attach.start_timeout",
        DURATION,
        "5m",
        "longest wait for a job that was submitted again to run in full",
        "large states take minutes to be read",
    ),
    Setting(
        "attach.submissions",
        INTEGER,
        "3",
        "times that one job is submitted, at most",
        "a JobManager that is just starting refuses the first",
    ),
    Setting(
        "attach.stale",
        DURATION,
        "5s",
        "how old a cluster's answers about jobs and checkpoints may be",
        "Flink's web.refresh-interval as delivered (3 s) and a slow answer",
    ),
    Setting(
        "attach.remembered_gaps",
        INTEGER,
        "50",
        "measured gaps that the expected cost of a rescale rests on",
        "enough for a ninth decile, few enough to follow a state that grows",
    ),
    Setting(
        "attach.release_tries",
        INTEGER,
        "60",
        "looks after narrowing at which surplus TaskManagers are given back",
        "Flink keeps unused slots for 50 s as delivered",
    ),
    Setting(
        "attach.superstep_name",
        TEXT,
        "superstep",
        "gauge or accumulator in which a job tells its supersteps, where no other is named",
        "the word for it",
    ),
    Setting(
        "attach.log_interval",
        DURATION,
        "10s",
        "time between two looks into the logs of TaskManagers for supersteps of DataSet iterations",
        "Flink carries a log over as a whole each time",
    ),
    Setting("attach.max_workers", INTEGER, "4", "questions to one cluster at once", "a JobManager has other clients"),
    Setting(
        "attach.allow_metadata",
        SWITCH,
        "false",
        "whether clusters at link-local addresses may be attached to",
        "cloud machines serve their credentials there",
    ),
    Setting(
        "attach.ca_file", TEXT, "", "certificates to trust for https instead of the system's", "a cluster's own CA"
    ),
    Setting("attach.client_certificate", TEXT, "", "certificate to show a cluster", "mutual TLS"),
    Setting("attach.client_key", TEXT, "", "key of that certificate, if it is not in the same file", "mutual TLS"),
    Setting(
        "attach.authorization_file",
        TEXT,
        "",
        "file with the one line of the header Authorization, such as `Bearer TOKEN`",
        "a file can be exchanged and is not seen in a list of processes",
    ),
)


def attachment_settings(settings: Mapping[str, Any]) -> AttachmentSettings:
    """What looking after streams takes from the settings."""
    return AttachmentSettings(
        rules=AttachRules(
            policy=StreamRules(
                band=settings["attach.band"],
                narrowing_window_s=settings["attach.narrowing_window"],
                payback_s=settings["attach.payback"],
            ),
            respect_others_s=settings["attach.respect_others"],
            retry_after_s=settings["attach.retry_after"],
        ),
        limits=RescaleLimits(
            quiet_s=settings["attach.quiet_timeout"],
            checkpoint_s=settings["attach.checkpoint_timeout"],
            proof_s=settings["attach.proof_timeout"],
            max_checkpoints=settings["attach.checkpoints"],
        ),
        resubmission=ResubmissionLimits(
            quiet_s=settings["attach.quiet_timeout"],
            savepoint_s=settings["attach.savepoint_timeout"],
            start_s=settings["attach.start_timeout"],
            max_submissions=settings["attach.submissions"],
            stale_s=settings["attach.stale"],
        ),
        poll_interval_s=settings["attach.poll_interval"],
        most_backoff_s=settings["attach.max_backoff"],
        lost_after_s=settings["attach.lost_after"],
        proof_interval_s=settings["attach.proof_interval"],
        settling_s=settings["attach.settling"],
        span_s=settings["attach.span"],
        gap_before_any_s=settings["planner.initial_adaptation_cost"],
        remembered_gaps=settings["attach.remembered_gaps"],
        superstep_name=settings["attach.superstep_name"],
        log_interval_s=settings["attach.log_interval"],
        release_tries=settings["attach.release_tries"],
    )


def access(settings: Mapping[str, Any]) -> Access:
    """How adaptor shows itself to clusters."""

    def path(name: str) -> Path | None:
        return Path(settings[name]).expanduser() if settings[name] else None

    return Access(
        ca_file=path("attach.ca_file"),
        client_certificate=path("attach.client_certificate"),
        client_key=path("attach.client_key"),
        authorization_file=path("attach.authorization_file"),
    )
