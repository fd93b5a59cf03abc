"""What the commands of orbscan say of one path, beside each other.

No reference is asked here: the commands answer questions about the same files, and the answer to
one often follows from the answer to another. `invariants.py` says how.
"""
