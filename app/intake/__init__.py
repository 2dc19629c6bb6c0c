"""The client's story: what they tell us, how it is sealed, and how it is safe to reach them.

It decides nothing about who helps; that is `matching`. It knows the sealed parts only as bytes, unless somebody brings a key.
"""
