"""The exact calculus of Gaussian expectations, and the numerical routes beside it; knows nothing about networks."""
