"""Benchmarks: what Stepgate claims about speed, measured beside its peers in one run."""
