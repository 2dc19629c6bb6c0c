"""The case: its tables, its states, its sealed parts, the queue. One case is one person's request."""
