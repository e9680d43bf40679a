"""Mistakes that a user can make, as tables."""
