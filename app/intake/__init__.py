"""The form and the intake that it produces: questions, schema, drafts, receipts, and the idempotency of a submission.

It knows nothing of cases and does not decide who can help: see `cases` and `matching`.
"""
