"""Actions that change a case and its referrals together: filing, offering, the desk's and the person's actions.

An action of the desk takes the case's row lock and the version that the coordinator has seen; when somebody was faster it raises
StaleCase and writes nothing. Encrypted parts are opened and written with the team's key, which only a signed-in session carries.
"""
