"""Tells where a contact, a conversation and a task stand, and when they are late.

reads:   contact.*, conversation.*, task.*, timer.elapsed
writes:  contact.overdue, task.overdue, timer.set, timer.cleared
"""
