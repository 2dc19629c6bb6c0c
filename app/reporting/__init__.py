"""How the network does, in numbers that give nobody away: whole calendar quarters of a team, or of one organisation.

Only routing codes are counted; facts and sealed parts are never opened for it. Nobody's way through the form is followed.
"""
