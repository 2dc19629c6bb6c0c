"""The directory in the Open Referral HSDS 3.1 format: records for the API, and packages that are written and read.

It only converts. Its output is public: verified centres only, no street addresses (none are stored), no staff notes.
"""
