"""How well slots are shared out: many simulated clusters over a day, and three real runs on an embedded Flink."""
