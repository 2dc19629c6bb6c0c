"""What partners offer and where: country packs, services with their rules, and the tables they are loaded into.

It describes and counts; who fits whom is decided in `matching`.
"""
