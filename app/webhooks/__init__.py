"""Webhooks notify a partner's system immediately when something happens (endpoints, signed deliveries, retries; Standard Webhooks).

A delivery holds ids and codes only and follows from the feed. A partner that is never reached loses nothing, because the feed
has every event.
"""
