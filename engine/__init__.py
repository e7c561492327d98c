"""The machinery: it runs pure steps over one log, and does not know a contact from a case.

Read `processor.py` first, then `work.py`, `engine.py`, `store.py`, and one store: `memory.py` or `sqlite.py`.
"""

if not __debug__:
    raise SystemExit("Draad does not run under python -O: its assertions stand guard over stored facts.")
