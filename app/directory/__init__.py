"""The directory: country packs, services with their rules, edits made at the desk, and the tables that hold them.

It describes; `matching` decides which service fits which case.
"""
