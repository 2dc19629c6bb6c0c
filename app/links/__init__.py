"""Codes that somebody without an account was given: today the person's own code, with which others read their words.

A code is stretched with Argon2id; the key that it gives encrypts a copy of the case's key. The code itself is stored nowhere.
"""
