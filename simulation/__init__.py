"""A town hall that does not exist, around a Draad that does: its residents, its colleagues, its providers.

It speaks with Draad as the world does, over HTTP, WebSocket, SMTP and LMTP; nothing of it reaches anybody, and an
outbox shows what residents got. Only `draad simulate` imports it, and the tests, which share its providers.
"""
