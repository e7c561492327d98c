"""Tells where a contact, a case, an appointment and a task stand, and when they are late.

reads:   contact.*, conversation.*, case.*, appointment.*, task.*, timer.elapsed
writes:  contact.overdue, case.due-soon, case.due-set, case.overdue, appointment.no-show, task.*, timer.*
"""
