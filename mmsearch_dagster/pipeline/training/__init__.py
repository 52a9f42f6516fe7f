"""Training: queries and examples, hyper-parameters, one candidate per strategy, the photo memory."""
