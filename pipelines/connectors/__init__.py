"""How feeds are pulled over HTTP. The only room that imports `requests`.

    dialects   what each platform calls its parameters and where its answers keep the records: data, no code
    addresses  a server's location and query with window and environment filled in
    session    one request: time-outs, retries, redirects, size limits
    pages      one answer: is it what was asked for, how many records, which ones
    walking    from page to page: by position, by key, by link
    pulling    one window: every page, and whether they fit together

A connector never changes what it received, and never decides what a value means: that is staging's work.
"""

from pipelines.connectors.pulling import Keep, Pulled, Validators, pull

__all__ = ["Keep", "Pulled", "Validators", "pull"]
