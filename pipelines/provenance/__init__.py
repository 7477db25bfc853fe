"""What a release is made from, and why two releases differ.

inputs          contracts, models, decisions and the code, kept under the name of their contents
predecessor     the release before
causes          what of it changed between two
"""
