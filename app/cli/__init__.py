"""The commands that a person starts from a terminal: `pristan --help`."""
