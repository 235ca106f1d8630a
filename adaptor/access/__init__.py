"""Who may call what: the file of callers, their roles, the one table of permissions, and how often each may call."""
