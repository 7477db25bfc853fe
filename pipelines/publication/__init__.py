"""What goes out with a release, and to whom.

disclosure      who gets what, decided from the contracts
release_parts   tables and office files, written into the release
office_views    the questions of offices as views
office_file     one office's file, built in a process of its own
"""
