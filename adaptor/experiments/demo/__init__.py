"""The demo: the main job in two acts under adaptor, on an embedded Flink, shown live and checked.

`script.run_demo` is the whole of it; `stage` brings the processes, `act` runs one act, `screen` shows it.
"""
