"""HTML reports: one file each, which makes no requests.

`api` has the public function and `value` its result. `outline` arranges the trees of a checkpoint
as nodes, `kinds` describes each distinct leaf, `colourings` are the ways to colour leaves, `texts`
encodes texts and numbers, and `explorer` combines these. `looking` collects the content of a page,
`facts` answers the first questions, and `checkpoint` is the page of one checkpoint. `runs` are the
steps of runs over time, `checks` the results of a check of each step, and `overview` is the page of
many checkpoints. `inputs` reads the input of such a page: a scan, or the tables of one as
`records`. `marks` are the results of a diff for each leaf, and `comparison` is the page of its two
sides. `pictures` draws one view of a page: `grid` is that of a mesh and `steps` that of a run.
`pages` makes HTML of pages, with the script and style in `assets/`.
"""
