"""What must survive: every event, plan and observation of every run, in one SQLite file."""
