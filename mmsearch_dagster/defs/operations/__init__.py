"""The evening view: figures of each day, the status page, alerts."""
