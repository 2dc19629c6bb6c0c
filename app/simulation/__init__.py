"""Simulates months of made-up load in virtual time with the real commands, and measures how reliably people get help."""
