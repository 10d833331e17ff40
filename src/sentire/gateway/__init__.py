"""What people and their programs talk to: the page, ``/analyze`` and what stands behind them."""
