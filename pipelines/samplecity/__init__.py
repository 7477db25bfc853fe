"""A made-up Huitian that speaks the dialects of the real sources. The one room where Huitian is in Python.

Everything is a pure function of the city (seed, scale, first day) and a clock. Only the command line imports it;
tests use `server.running` and `answerkey`.
"""
