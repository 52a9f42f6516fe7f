"""Images, audio and video: bytes to arrays."""
