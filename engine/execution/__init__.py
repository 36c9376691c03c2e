"""The ways to make one forward and backward pass, and the choice between them."""
