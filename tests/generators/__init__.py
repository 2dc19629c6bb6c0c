"""Clients that generators make of the API's description: generated, compiled, and driven against the sandbox of a demonstration."""
