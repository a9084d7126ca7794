"""A package that adds an algorithm, a model and a data set to innerloop: copy it, rename it."""
