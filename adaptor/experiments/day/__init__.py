"""A stream whose load follows a day in fast motion, under adaptor, static widths, and the Autoscaler's published rule.

Every way meets the same load on the same cluster, one after the other, and is watched by the same looks over Flink's
REST API.
"""
