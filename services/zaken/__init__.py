"""Cases of a case system that speaks the Dutch ZGW APIs. Only here are its words known.

reads:   notice.received, notice.due, notice.postponed, notice.followed, timer.elapsed
writes:  notice.*, case.*, party.registered, party.identifier-set, timer.*
"""
