"""Our people: teams of coordinators, members of teams and of organisations, sign-in, and the keys a sign-in opens.

It says who somebody is and which private keys they brought; what they may do with a case is said on each route.
"""
