"""The parts of the container contract: stdlib-only, Python 3.6 and later; `one_file` puts them together.

A module here begins with its docstring and its imports: `import x` or `from typing import …` for the standard library,
`from .part import …` for other parts. What it defines at top level has a name that no other part defines.
"""
