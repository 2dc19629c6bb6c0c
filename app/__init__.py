"""Pristan: legal-aid intake and referral for people driven out of Russia or Belarus for their politics."""
