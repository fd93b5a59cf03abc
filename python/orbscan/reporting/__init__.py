"""Reports: pages to look at, one file each, which make no requests.

`api` has the public function and `value` its result. `outline` lays the trees of a checkpoint out
as nodes, `kinds` describes each distinct leaf, `colourings` are the ways to colour them, `texts`
stores texts and numbers for a page, and `explorer` combines these. `looking` gathers what a page
shows, `facts` answers the first questions, and `checkpoint` is a page of one checkpoint. `runs` are
the steps of runs over time, and `overview` is a page of many checkpoints. `pages` makes HTML of
pages, with the script and style in `assets/`.
"""
