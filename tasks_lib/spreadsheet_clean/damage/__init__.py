"""Functions that damage or rewrite the oracle's table; `corrupt.py` makes operators of them."""
