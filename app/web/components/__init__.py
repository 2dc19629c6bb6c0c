"""What several surfaces use to make pages: rendering, charts, labels, forms."""
