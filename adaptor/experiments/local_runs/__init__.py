"""Real runs on the embedded Flink: adaptor from a poor start beside every static parallelism, in turn.

`programs` says what is run, `variants` in how many ways and in which order, `experiment` runs it, `outcome` says which
static parallelism was the best, and `rendering` makes figures, tables and plots.
"""
