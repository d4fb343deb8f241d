"""Benchmarks: `script/bench NAME`. They print tables and keep JSON in results/; nothing here is imported by the product."""
