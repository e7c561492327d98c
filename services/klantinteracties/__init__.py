"""Klantinteracties: the desk-tool API. All that knows that API's words is here.

Reads: what the house says of contacts, parties and tasks, and the cards that tools wrote. Writes: cards, and the facts
that they mean.
"""
