"""Shipped test kit: fakes of each port, virtual time, conformance suites. Never imported by the product."""
