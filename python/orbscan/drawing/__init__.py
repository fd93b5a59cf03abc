"""Pictures: colours and positions, whatever they are drawn in.

`palette` has the colours of pages and pictures, `lines` lays amounts out over steps, `treemap`
trees as rectangles. `svg` is what pictures are made of, and `tiles` draws treemaps.
"""
