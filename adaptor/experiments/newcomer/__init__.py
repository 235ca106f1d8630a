"""A newcomer's start with sharing, without, and with a log that misleads."""
