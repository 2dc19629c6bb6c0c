"""Building blocks shared by the pages of all surfaces: rendering, forms, CSRF, labels, charts."""
