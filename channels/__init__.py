"""The roads: one file per channel, both directions.

A channel believes nothing before it has checked, and says what happened in our words. It decides nothing: what belongs
together, and who it was, is worked out behind the log.
"""
