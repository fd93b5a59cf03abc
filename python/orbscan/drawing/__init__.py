"""Pictures: colours and positions, whatever they are drawn in.

`palette` has the colours of pages and pictures, `lines` plots amounts over steps.
"""
