"""What measures adaptor: the demo and the benchmarks, each giving one `report.Report`."""
