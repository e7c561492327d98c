"""Believes what comes in, and gives it a place: which conversation it belongs to.

reads:   contact.*, conversation.closed, timer.elapsed
writes:  contact.*, conversation.*, party.*, case.*, task.*, hour.offered, timer.set
"""
