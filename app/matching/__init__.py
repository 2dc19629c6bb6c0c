"""Which services fit a case, in which order, and the reasons for and against each: pure rules over plain values.

`runs`, `service_history` and `publication` use the database; all other modules are deterministic functions without I/O.
"""
