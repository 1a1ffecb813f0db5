"""What holds for random networks: one module an object, every public result with its claim."""
