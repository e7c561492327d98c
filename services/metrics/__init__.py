"""Metrics counts what happens, so that figures can be trusted: each has one definition, and comes from the log alone.

Parts of its own keep tallies: what an event changes in what its subject counts for is added to a cell of an hour, a day
and a month. A report is read from these, never from the facts.

reads:   contact.*, conversation.*, case.*, task.*, appointment.*, notification.*, journey.stepped, opinion.asked,
         opinion.counted
writes:  nothing
"""
