"""Where alerts are sent: a log file, a webhook."""
