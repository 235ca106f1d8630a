"""One simulator of a run for every experiment: virtual time, the production `RunController`, models and planner inside.

`run` plays a run in a world; `curves` and `files` are worlds; `schedules` knows what the best would have been.
"""
