"""Replays measured curves as iterative runs under every policy, beside the best schedule that the curve allows."""
