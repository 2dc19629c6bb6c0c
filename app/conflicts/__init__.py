"""Conflicts of interest, found before anything is disclosed: keyed hashes of whom an organisation must not advise against.

It compares and remembers; what follows from a hit (no key, no offer) is in `referrals`. No name is ever in here.
"""
