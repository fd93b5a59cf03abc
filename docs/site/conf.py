"""How Sphinx builds the documentation; `tools/site.py` gathers the pages that it is given."""

import orbscan

project = "orbscan"
author = "the orbscan authors"
copyright = "the orbscan authors"  # noqa: A001 - what Sphinx calls it
version = release = orbscan.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 4
# `name` in a docstring is code, whatever it names.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
napoleon_use_ivar = True
napoleon_use_rtype = False
add_module_names = False

html_theme = "furo"
html_title = "orbscan"
# Pages open from a disk: nothing of them lies elsewhere.
html_theme_options = {"navigation_with_keys": True}
html_copy_source = False
# Without a server no page can ask for another one: results are shown by their titles.
html_show_search_summary = False
html_show_sourcelink = False
