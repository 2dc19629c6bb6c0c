"""The technical base of every package: database, clock, keys, sealing, errors, log, languages, HTTP middleware.

It is independent of the domain: nothing here knows what a case, a referral or an organisation is.
"""
