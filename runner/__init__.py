"""Makes runs happen: environments, the recorder that goes into the training process, execution, tracking."""
