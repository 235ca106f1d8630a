"""What a superstep did, as Flink saw it.

- `superstep`: asks Flink at a barrier, bounded in time, and never lets a fault of Flink's out.
- `statistics`: Flink's answers to the domain's statistics, pure.
- `cpu`: CPU use from counters, pure.
- `clusters`: the clusters that are asked, each with threads of its own.
"""
