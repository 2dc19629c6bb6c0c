"""The sandbox: a made-up partner with made-up cases, for anyone who wants to try the API."""
