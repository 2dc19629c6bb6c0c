"""Organisations that take cases, and how their programs sign in.

Their services are in `directory`, their referrals in `referrals`.
"""
