"""What each activity does as a step of a workflow: the same activities as the terminal's, and telling GitHub."""
