"""What is wrong on this machine, and what to do; how many machines a load needs."""
