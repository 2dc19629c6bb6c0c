"""Operations: key rotation, backups, and the status of the running service.

This package knows which columns of all tables are encrypted or sealed, but it opens no case: sealed data stays sealed.
"""
