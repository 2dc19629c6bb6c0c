"""Figures about the network from which nobody can be identified, by calendar quarter, for a team or an organisation.

Only plain routing codes are counted: no encrypted data is decrypted, and use of the form is not tracked.
"""
