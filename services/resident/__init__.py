"""The resident's own pages: an appointment, all their cases, how they like to hear, and what they think of us.

Each is behind a link. Whoever holds a link sees what it opens, and nothing else. Looking changes nothing: what acts is
posted.

reads:   what the desk's views tell of one appointment, or of one party; appointment.*, hour.*
writes:  appointment.confirmed, appointment.cancelled, appointment.changed, hour.*, task.opened, contact.received,
         contact.identified, contact.filed, party.preference-set, party.kind-preferred, opinion.given, opinion.declined,
         opinion.counted
"""
