"""The words of adaptor as frozen values: what was asked, seen, predicted and decided. Nothing here does I/O.

One word, one meaning, in code, protos, logs and documentation:

===================== ============================================================================= =================
term                  meaning                                                                       not
===================== ============================================================================= =================
superstep             one synchronised round of an iterative job, numbered from 1                   epoch, round
iteration barrier     all tasks have finished a superstep (`BarrierReached`)                        checkpoint barrier
run                   one execution of an iterative program, with an identity that outlives Flink   job (Flink's unit)
                      job ids
parallelism           parallel subtasks, as in Flink                                                scale-out
scale-out             number of workers (TaskManagers);                                             parallelism
                      ``parallelism = scale_out * slots_per_task_manager``
rescale               change the parallelism of a run                                               scale out (verb)
runtime target        wall-clock seconds a run should finish within                                 deadline
execution context     what a duration depends on besides scale-out                                  RPC context
observation           one measured pair of conditions and duration                                  sample
contribution          an observation (or batch) published to peers                                  upload
planned, requested,   three stages of a parallelism: adaptor's plan, what the job was submitted
observed              with, what Flink really used
plan                  the decision with its reason and alternatives                                 recommendation
effect                something the core wants done                                                 command
adaptation cost       seconds and slot-seconds that one rescale costs                               overhead
cold superstep        the first of a run, or the first after a rescale: caches, JIT and start-up    warm-up
                      weigh on it
===================== ============================================================================= =================
"""
