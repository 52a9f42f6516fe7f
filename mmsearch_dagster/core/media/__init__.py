"""Images, audio and video: bytes to arrays, and how many may be unreadable."""
