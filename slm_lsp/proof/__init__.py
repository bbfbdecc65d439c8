"""Proof that nothing leaves the machine: what the processes were seen to do, and what was refused them."""
