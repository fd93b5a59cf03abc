"""Pictures: which colours mean what, whatever they are drawn in.

`palette` has the colours of pages and pictures.
"""
