# Unpack an archive, its owners forgotten: ARCHIVE DIRECTORY
import sys
import tarfile

with tarfile.open(sys.argv[1]) as tar:
    for member in tar:
        tar.extract(member, sys.argv[2], set_attrs=member.isreg())
