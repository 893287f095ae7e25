"""The values every part of ml-experiment speaks in: pure, no I/O beyond reading and writing their own files."""
