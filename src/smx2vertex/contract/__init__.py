"""The container contract, and its command-line grammar for our side.

`parts` is what travels in generated projects, as one file that `one_file` puts together. `grammar` reads and writes
command lines. The written grammar is `docs/contract.md`.
"""
