"""Documents that a person, a coordinator or an organisation adds to a case: photos and PDFs, as pictures of their pages.

`converter.py` is the program of a separate process that makes the pictures; it imports nothing but the libraries that read files.
"""
