"""The secrets of a gateway, for whoever administers them: checked, written, moved, and put under another key."""
