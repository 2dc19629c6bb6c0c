"""Signing in, joining, and what a member sets for themselves: pages shared by the desk and the partner."""
