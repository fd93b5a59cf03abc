"""Compiles the extension module with a profile of what reads execute."""
