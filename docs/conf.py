from warmup import __version__

project = "warmup"
author = "The warmup developers"
copyright = "2026, The warmup developers"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown"}

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_attr_annotations = True
# The attributes of a record stand in its docstring; autodoc would list each a second time.
napoleon_use_ivar = True

html_theme = "furo"
html_title = "warmup"
html_show_sourcelink = False
