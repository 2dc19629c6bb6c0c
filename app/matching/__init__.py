"""Who could help, in what order, and why, and why not the others: pure rules over plain values.

Runs are stored by `matches`; everything else here touches no database, no clock and no chance.
"""
