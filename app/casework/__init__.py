"""The verbs of the desk: what a coordinator does with a case, joining case, vault and referrals in one transaction.

Each verb takes the case's row lock and the version that the coordinator has seen; when somebody was faster it raises Clash
and writes nothing. Sealed words are opened and written with the team's key, which only a signed-in session carries.
"""
