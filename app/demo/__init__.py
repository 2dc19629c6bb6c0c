"""The demo network: true directory, made-up people. Everybody in it is invented, and no organisation named has joined.

`make run` starts it. Running it again keeps the data. Sign-ins go to `var/demo.json`, which only its owner may read.
"""
