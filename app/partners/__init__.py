"""Organisations that take cases, and how their programs sign in.

What an organisation offers is in `directory`; what it was asked and answered is in `referrals`.
"""
