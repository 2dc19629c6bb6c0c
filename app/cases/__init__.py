"""The case, one person's request: its tables, states and transitions, sealed parts, queue and counters.

Nothing here knows about referrals; what takes both a case and its referrals is in `casework`.
"""
