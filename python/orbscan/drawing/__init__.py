"""Pictures: colours and positions, in any format.

`palette` has the colours of pages and pictures, `lines` plots amounts over steps, `treemap`
arranges trees as rectangles. `svg` has the elements of pictures, and `tiles` draws treemaps.
"""
