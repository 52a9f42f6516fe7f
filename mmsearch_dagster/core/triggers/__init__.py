"""When a refresh starts, and whether it trains: changed source files, drift, cool-down."""
