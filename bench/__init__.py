"""Benchmarks for the budgets of docs/budgets.md: `make bench`."""
