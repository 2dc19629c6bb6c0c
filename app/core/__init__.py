"""What every part stands on: database, time, keys, sealing, errors, log, languages.

No word of the domain: nothing here knows what a case, a referral or a centre is.
"""
