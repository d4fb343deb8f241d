"""Vivavoce: one self-hosted server through which people talk with AI."""

__version__ = "0.1.0"
