"""Keeping the service alive and its keys young: rotation, backups, and what a look at the running house shows.

It knows which columns are locked and sealed everywhere, and opens no case: what it moves stays closed.
"""
