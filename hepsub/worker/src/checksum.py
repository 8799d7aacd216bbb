# The checksum of standard input in hex: ALGORITHM
import hashlib
import sys

digest = hashlib.new(sys.argv[1])
for block in iter(lambda: sys.stdin.buffer.read(1 << 20), b""):
    digest.update(block)
print(digest.hexdigest())
