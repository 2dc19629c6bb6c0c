"""Access without an account: the person's own code, and an organisation's link to one referral, with its code.

A code is stretched with Argon2id; the resulting key encrypts a copy of the case's key. The person's own code is stored nowhere.
The code of a link can be read again at the desk, and opens nothing without the token in the link.
"""
