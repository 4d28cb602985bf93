"""The process that owns the debuggee, writes the recording and routes commands."""
