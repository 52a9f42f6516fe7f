"""What starts a refresh by itself, beside the schedules. The decisions are core.monitoring.triggers'."""
