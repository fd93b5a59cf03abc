"""Pictures: colours and places, whatever they are drawn in.

`palette` has the colours of pages and pictures, `lines` lays amounts out over steps.
"""
