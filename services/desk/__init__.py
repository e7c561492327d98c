"""What colleagues see: the story of everybody over all channels, what waits for somebody, live.

reads:   all but journeys and timers
writes:  record.opened
"""
