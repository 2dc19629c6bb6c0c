"""The demonstration network: the real directory with made-up people. No organisation in it has joined the network.

`make run` starts it and keeps existing data. Sign-in data is in `var/demo.json`, readable by its owner only.
"""
