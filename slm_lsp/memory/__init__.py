"""What the workspace's own code says comes next: counts over its tokens, and drafts from the same place."""
