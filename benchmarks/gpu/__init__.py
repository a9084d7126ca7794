"""The benchmarks on a GPU, in parts that fit into a few minutes together."""
