"""What must be sent: demand, mix and pattern read from past sends, logs, lists or a description. Pure.

Readers take lines and return values; opening files is somebody else's business.
"""
