"""The promises that algorithms, models and data sets of any author must keep, as checks to run."""
