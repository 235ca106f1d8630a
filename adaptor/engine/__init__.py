"""The imperative shell: keeps each run's record, records events, performs effects. It knows ports, no back ends."""
