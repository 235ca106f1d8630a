"""Policies on recorded iterative jobs: each meets the same draws from runs of constant scale-out, with a target.

`recorded` divides the runs, `draw` is what a run meets, `episode` plays it, `battery` compares all policies, and
`recurring` lets them learn from run to run.
"""
