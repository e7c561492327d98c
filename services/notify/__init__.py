"""Notify tells the resident first: that we have their question, what became of their case, when they are expected.

It reads cases, appointments, and how a party can be reached. It writes what is to be told, on which road and in which
words, and what became of it. What it writes leaves by the same roads as an agent's letters, and stands in the same
story.

reads:   appointment.*, case.*, party.*, contact.made, contact.received, conversation.*, message.*, timer.elapsed,
         opinion.declined, opinion.passed, opinion.remembered, opinion.shared
writes:  notification.*, address.suppressed, address.restored, address.owned, contact.placed, contact.made,
         contact.noted, appointment.confirmed, appointment.cancelled, appointment.reminded, opinion.prompted,
         opinion.wanted, opinion.asked, opinion.passed, opinion.remembered, opinion.shared, task.opened,
         timer.set, timer.cleared
"""
