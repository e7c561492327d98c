"""What colleagues see: the timeline of all contacts, live.

reads:   contact.received, contact.answered, contact.missed, contact.overdue
writes:  nothing
"""
