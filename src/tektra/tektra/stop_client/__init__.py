"""Stops robots, and lets them move again: closed loops that end only when the robots agree.

Software protective stop: it does not replace a hardwired emergency stop.
"""
