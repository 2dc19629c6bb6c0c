"""Months of made-up load on virtual time, played against the real commands: what the promise comes to, measured."""
