"""The analysis that reports tell of: of one pipeline, and of a portfolio of them."""
