"""Who comes in with a token: a program of the municipality or of a supplier, until a day, to what it needs.

reads:   token.*
writes:  token.used, token.refused
"""
