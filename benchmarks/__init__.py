"""Benchmarks: `script/bench NAME`. They print tables and keep JSON in results/; the product imports nothing of it."""
