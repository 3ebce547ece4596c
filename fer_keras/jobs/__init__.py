"""The commands, a file each and named after it, and the work behind them."""
