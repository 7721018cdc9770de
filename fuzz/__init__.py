"""Fuzzing: broken and hostile files through the command line, for minutes or hours (`make fuzz`).

A command has an answer, or says what is wrong with the file: it never ends with a traceback, hangs, eats the memory,
writes a control character to a terminal, or leaves a file that nobody asked for.
"""
