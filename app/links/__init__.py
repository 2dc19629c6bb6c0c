"""What somebody without an account was given: the person's own code, and an organisation's link to one referral with its code.

A code is stretched with Argon2id; the key that it gives encrypts a copy of the case's key. A code of the person's own is stored
nowhere; that of a link can be read again at the desk, and opens nothing without the token that only the link has.
"""
