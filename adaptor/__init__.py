"""Resource manager beside Apache Flink: reads, plans and rescales at iteration barriers."""

__version__ = "0.1.0"
