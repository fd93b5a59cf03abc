"""Tests of tables on engines, each in a process of its own."""
