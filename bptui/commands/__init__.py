"""What the subcommands of `bptui` do, one a file."""
