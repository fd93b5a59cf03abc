"""Reports: pages to look at, one file each, which make no requests.

`api` has the public function and `value` what it gives. `outline` lays the trees of a checkpoint
out as nodes, `kinds` is what is said of each distinct leaf, `colourings` what they are coloured by,
`texts` how a page holds texts and numbers, and `explorer` puts these together. `looking` finds what
a page tells, `facts` says what people ask first, and `checkpoint` is a page of one checkpoint.
`runs` are the steps of runs over time, and `overview` is a page of many checkpoints.
`inputs` says what such a page is made of: a scan, or the tables of one as `records`.
`marks` is what a diff says of each leaf, and `comparison` is a page of its two sides.
`pictures` draws one view of a page, of which `grid` is that of a mesh and `steps` that of a run.
`pages` makes HTML of pages, with the script and style in `assets/`.
"""
