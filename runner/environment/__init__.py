"""Rebuilds the pinned environment a run happens in, and says what it really consists of.

`prepared.prepare` is the way in; the other modules are its parts.
"""
