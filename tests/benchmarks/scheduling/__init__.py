"""What order, learned forecasts and scaling gain on real workflows; `python -m tests.benchmarks.scheduling`."""
