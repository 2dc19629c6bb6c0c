"""The referral and its life: one case put to one service of one organisation, from draft to a known end.

State, verb and who may do it stand in `states`; `stepping.step` is the only place that moves a referral.
"""
