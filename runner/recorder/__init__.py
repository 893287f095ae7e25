"""The folder that is put first on PYTHONPATH of the training process; nothing in it imports ours."""
