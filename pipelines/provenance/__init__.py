"""What a release is made from: its inputs, the release before it, and why two releases differ."""
