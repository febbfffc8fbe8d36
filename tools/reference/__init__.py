"""The generated parts of the documentation.

A part stands between `<!-- generated: name -->` and `<!-- end -->` in a page. `python -m tools.reference` renews every
part from the code; with `--check` it changes nothing and exits with 1 if a page is out of date.
"""
