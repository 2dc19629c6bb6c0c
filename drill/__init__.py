"""`make drill`: a real cluster on this machine, faults, and a judge of what was acknowledged."""
