"""The step `evaluation_report`: measures candidates and champion, and asks the gate."""
