"""Conflicts of interest, found before anything is disclosed: keyed hashes of people an organisation must not advise.

This package compares hashes and stores hits; `casework` acts on them (no key, no offer). It stores no names.
"""
