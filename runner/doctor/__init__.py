"""Whether a machine is ready: facts gathered at the edge, and pure findings from them."""
