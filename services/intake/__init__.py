"""Believes what comes in, and gives it a place. For now one road: HTTP.

reads:   nothing
writes:  contact.received, contact.answered
"""
