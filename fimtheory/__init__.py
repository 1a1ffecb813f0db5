"""fimtheory: a symbolic-plus-numeric theory engine for the Fisher information of random neural networks."""
