"""The form and what it becomes: questions, schema, drafts, receipts, and the idempotency of a submission.

It knows no case and decides nothing about who can help: see `cases` and `matching`.
"""
