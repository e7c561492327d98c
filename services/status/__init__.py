"""Tells where a contact, a case, an appointment and a task stand, and when they are late; and tells other programs.

reads:   contact.*, conversation.*, case.*, appointment.*, task.*, timer.elapsed; party.* and notification.* to tell
         others, subscription.*
writes:  contact.overdue, case.due-soon, case.due-set, case.overdue, appointment.no-show, task.*, timer.*,
         subscription.*
"""
