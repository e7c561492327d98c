"""Shows how busy it is now, on each channel, against the same hour in past weeks.

Reads contact.received from Kafka; writes nothing but its own counts. It is approximate, and nobody waits for it.
"""
