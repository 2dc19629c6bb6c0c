"""Conflicts of interest, found before anything is disclosed: keyed hashes of whom an organisation must not advise against.

It compares and stores hits; `casework` acts on them (no key, no offer). It contains no names.
"""
