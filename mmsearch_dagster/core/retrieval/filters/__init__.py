"""The filter language of a search: read, put into SQL of the index, and how many products it lets pass."""
