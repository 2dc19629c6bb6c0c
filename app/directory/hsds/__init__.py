"""The directory in the words of Open Referral HSDS 3.1: records for the API, tables for a package, and packages read.

It only translates. What goes out is public: verified centres alone, no street addresses (we hold none), no notes of ours.
"""
