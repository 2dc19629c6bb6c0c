"""Webhooks: a partner's system is told at once that something happened (endpoints, signed deliveries, retries; Standard Webhooks).

A delivery holds ids and codes only and follows from the feed. Who is never reached loses nothing: the feed has it all.
"""
