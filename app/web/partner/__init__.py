"""The partner's pages: for a centre without developers."""
