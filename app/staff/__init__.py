"""Staff: teams of coordinators, members of teams and of organisations, sign-in, and the private keys that a sign-in opens.

This package knows who somebody is and which keys they hold; what they may do with a case is declared on each route.
"""
