"""Where a published release goes: over HTTP to browsers, up to another place. Only bytes as they were published."""
