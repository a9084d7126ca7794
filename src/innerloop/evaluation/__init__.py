"""The test protocol, intervals, tests of significance, and the audit of a learner."""
