"""How well durations are predicted: protocols over measured runs of public jobs, and over any files of their shapes.

The data are not part of the project; every protocol reads a folder that its user names. `c3o`, `bell` and `ellis` are
the shapes of the files, after the papers that published the first of each.
"""
