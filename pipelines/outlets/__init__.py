"""Where a published release goes, only bytes as they were published.

page_server     over HTTP to browsers
uploading       to another place; `storage` is that place, a bucket or a folder
"""
