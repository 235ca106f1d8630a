"""Figures for Prometheus: one catalogue, what keeps it up to date, and a port of its own that gives it away."""
