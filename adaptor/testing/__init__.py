"""The few verified fakes that tests use; product code never imports them.

Each stands in for a port of the engine and passes the same contract suite (`tests/contract`) as the real back ends.
"""
