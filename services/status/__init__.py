"""Tells where a contact stands, and when it is late.

reads:   contact.received, contact.answered, timer.elapsed
writes:  contact.overdue, timer.set, timer.cleared
"""
