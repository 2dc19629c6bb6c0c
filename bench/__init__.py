"""Benchmarks: what the budgets of the design cost today. `make bench`."""
