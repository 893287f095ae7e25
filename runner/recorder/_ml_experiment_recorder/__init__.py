"""What sees a training run from inside its own processes: standard library only, on whatever Python the user has.

Nothing here may change what the user's code computes, beyond the seeds and determinism switches the run asked for, and
nothing here may make it fail: every entry from outside goes through `guard.guarded` or catches on its own.
"""
