"""The referral: one case offered to one service of one organisation, from draft to a known end.

The table of moves is in `states`; `transitions.apply` is the only function that moves a referral.
"""
